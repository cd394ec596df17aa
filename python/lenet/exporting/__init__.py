"""A checkpoint as a file that other runtimes read: MindIR, ONNX, AIR."""

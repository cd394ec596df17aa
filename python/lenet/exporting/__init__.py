"""Export of a checkpoint for other runtimes: MindIR, ONNX, AIR."""

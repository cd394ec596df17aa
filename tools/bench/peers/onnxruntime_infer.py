"""Runs the trained LeNet-5 over the test set with onnxruntime."""

import argparse

import onnxruntime

from tools.bench.peers import latency


def main() -> None:
    """Runs the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, help="JSON file to write")
    parser.add_argument("--model", required=True, help="ONNX file")
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        options.model, settings, providers=["CPUExecutionProvider"]
    )
    (model_input,) = session.get_inputs()
    batches = latency.images(model_input.shape[0])
    times, classes = latency.measure(
        lambda batch: session.run(None, {model_input.name: batch})[0], batches
    )
    latency.write(options.output, times, classes, {"onnxruntime": onnxruntime.__version__})


if __name__ == "__main__":
    main()

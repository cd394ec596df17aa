"""The network as the options of a program ask for it."""

from lenet.model.lenet5 import LeNet5


def build(
    image_height: int, image_width: int, device_target: str, fused_kernels: bool, threads: int = 0
) -> LeNet5:
    """A LeNet5 whose convolutions are the fused kernels, if they are wanted and can be had.

    Args:
        image_height: of the input, pixels.
        image_width: of the input, pixels.
        device_target: what lenet.devices.resolve() returned; the fused kernels are for the CPU.
        fused_kernels: false for MindSpore's operators alone.
        threads: of the fused kernels; 0 for one a core.
    """
    fused = None
    if fused_kernels and device_target == "CPU":
        from lenet.kernels.conv_relu_pool import ConvReluPool

        fused = ConvReluPool(threads)
    return LeNet5(image_height=image_height, image_width=image_width, fused=fused)

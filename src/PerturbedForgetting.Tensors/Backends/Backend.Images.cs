namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>
    /// y = (x - offset[c]) / divisor[c] in float32, for bytes x with channels c last.
    /// </summary>
    /// <param name="x">UInt8 [..., C]; with flags [B, H, W, C].</param>
    /// <param name="flip">UInt8 [B]: not 0 where the image is mirrored left to right on the way; or none.</param>
    /// <param name="offset">Float32 [C].</param>
    /// <param name="divisor">Float32 [C].</param>
    /// <param name="y">Float32 of the shape of x.</param>
    public abstract void NormalizeImages(Tensor x, Tensor? flip, Tensor offset, Tensor divisor, Tensor y);
}

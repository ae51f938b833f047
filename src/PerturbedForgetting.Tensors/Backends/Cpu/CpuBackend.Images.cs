using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend
{
    public override void NormalizeImages(Tensor x, ReadOnlySpan<float> offset, ReadOnlySpan<float> divisor, Tensor y)
    {
        if (y.Count == 0)
            return;
        // A byte has 256 values: one table a channel, in the first-level cache, instead of a division an element.
        int channels = offset.Length;
        float* table = Scratch.Get<float>(ScratchUse.Reduction, 256 * channels);
        for (int value = 0; value < 256; value++)
            for (int c = 0; c < channels; c++)
                table[value * channels + c] = (value - offset[c]) / divisor[c];
        ForRows(y.Count / channels, channels, new NormalizeBody { X = x.Pointer<byte>(), Y = y.Pointer<float>(), Table = table, Channels = channels });
    }

    struct NormalizeBody : IRowBody
    {
        public byte* X;
        public float* Y, Table;
        public int Channels;

        public readonly void Run(long first, long end)
        {
            byte* x = X + first * Channels;
            float* y = Y + first * Channels;
            for (long pixel = first; pixel < end; pixel++, x += Channels, y += Channels)
                for (int c = 0; c < Channels; c++)
                    y[c] = Table[x[c] * Channels + c];
        }
    }
}

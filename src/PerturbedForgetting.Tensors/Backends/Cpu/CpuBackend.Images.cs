using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe abstract partial class CpuBackend
{
    public override void NormalizeImages(Tensor x, Tensor? flip, Tensor offset, Tensor divisor, Tensor y)
    {
        if (y.Count == 0)
            return;
        // A byte has 256 values: one table a channel, in the first-level cache, instead of a division an element.
        int channels = x.Shape[-1];
        float* table = Scratch.Get<float>(ScratchUse.Reduction, 256 * channels), offsets = offset.Pointer<float>(),
            divisors = divisor.Pointer<float>();
        for (int value = 0; value < 256; value++)
            for (int c = 0; c < channels; c++)
                table[value * channels + c] = (value - offsets[c]) / divisors[c];
        int width = x.Shape.Rank > 1 ? x.Shape[-2] : 1;
        ForRows(y.Count / ((long)width * channels), (long)width * channels, new NormalizeBody
        {
            X = x.Pointer<byte>(),
            Flip = flip is null ? null : flip.Pointer<byte>(),
            Y = y.Pointer<float>(),
            Table = table,
            Channels = channels,
            Width = width,
            Height = flip is null ? 1 : x.Shape[1],
        });
    }

    struct NormalizeBody : IRowBody
    {
        public byte* X, Flip;
        public float* Y, Table;
        public int Channels, Width, Height;

        public readonly void Run(long first, long end)
        {
            long row = (long)Width * Channels;
            for (long r = first; r < end; r++)
            {
                bool mirrored = Flip is not null && Flip[r / Height] != 0;
                byte* x = X + r * row + (mirrored ? row - Channels : 0);
                float* y = Y + r * row;
                int step = mirrored ? -Channels : Channels;
                for (int pixel = 0; pixel < Width; pixel++, x += step, y += Channels)
                    for (int c = 0; c < Channels; c++)
                        y[c] = Table[x[c] * Channels + c];
            }
        }
    }
}

using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void Patches(Tensor x, int patch, Tensor y)
    {
        (int down, int across, int run) = Grid(x.Shape, patch);
        Permute(x.View([x.Shape[0] * down, patch, across, run]), [0, 2, 1, 3], y);
    }

    public override void PatchesBackward(Tensor dy, int patch, Tensor dx)
    {
        (int down, int across, int run) = Grid(dx.Shape, patch);
        Permute(dy.View([dx.Shape[0] * down, across, patch, run]), [0, 2, 1, 3], dx);
    }

    public override void EmbedTokens(Tensor x, Tensor? classToken, Tensor positions, Tensor y) =>
        ForRows((long)y.Shape[0] * y.Shape[1], y.Shape[2], new EmbedTokensBody
        {
            X = x.Pointer<T>(),
            ClassToken = PointerOrNull(classToken),
            Positions = positions.Pointer<T>(),
            Y = y.Pointer<T>(),
            Tokens = y.Shape[1],
            Channels = y.Shape[2],
        });

    /// <summary>Rows and columns of patches, and the elements that lie together.</summary>
    static (int Down, int Across, int Run) Grid(Shape images, int patch) => (images[1] / patch, images[2] / patch, patch * images[3]);

    struct EmbedTokensBody : IRowBody
    {
        public T* X, ClassToken, Positions, Y;
        public int Tokens, Channels;

        public readonly void Run(long first, long end)
        {
            int before = ClassToken == null ? 0 : 1;
            for (long row = first; row < end; row++)
            {
                long image = row / Tokens, token = row % Tokens;
                Lanes.Copy(token < before ? ClassToken : X + (row - (image + 1) * before) * Channels, Y + row * Channels, Channels);
                Lanes.Add(Positions + token * Channels, Y + row * Channels, Channels);
            }
        }
    }
}

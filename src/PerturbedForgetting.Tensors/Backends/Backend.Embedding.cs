namespace PerturbedForgetting.Tensors.Backends;

abstract partial class Backend
{
    /// <summary>y [N, H/P·W/P, P·P·C] = the square patches of x [N, H, W, C] as rows.</summary>
    public abstract void Patches(Tensor x, int patch, Tensor y);

    /// <summary>dx [N, H, W, C] = the images whose patches are the rows of dy.</summary>
    public abstract void PatchesBackward(Tensor dy, int patch, Tensor dx);

    /// <summary>y = the class token, if any, before the tokens of each image of x [N, T, C]; plus positions.</summary>
    public abstract void EmbedTokens(Tensor x, Tensor? classToken, Tensor positions, Tensor y);
}

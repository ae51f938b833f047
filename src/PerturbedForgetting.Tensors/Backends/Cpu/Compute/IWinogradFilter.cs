namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// The one-dimensional transforms of a minimal filtering algorithm (Winograd 1980; Lavin and Gray, CVPR 2016): F(side, 3), so many outputs
/// of a filter of three taps, and F(3, side). Both make side + 2 multiplications, at most six: where there are fewer, the last arguments
/// are not looked at, and the last results are nothing.
/// </summary>
interface IWinogradFilter<TVector>
    where TVector : struct
{
    /// <summary>Outputs of F(side, 3), taps of F(3, side).</summary>
    static abstract int Side { get; }

    /// <summary>Values of the input.</summary>
    static abstract void Input(ref TVector d0, ref TVector d1, ref TVector d2, ref TVector d3, ref TVector d4, ref TVector d5);

    /// <summary>Three taps.</summary>
    static abstract void Taps(TVector g0, TVector g1, TVector g2,
        out TVector u0, out TVector u1, out TVector u2, out TVector u3, out TVector u4, out TVector u5);

    /// <summary>Products, to outputs of F(side, 3).</summary>
    static abstract void Outputs(TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5,
        out TVector y0, out TVector y1, out TVector y2, out TVector y3);

    /// <summary>Taps of F(3, side).</summary>
    static abstract void ManyTaps(TVector g0, TVector g1, TVector g2, TVector g3,
        out TVector u0, out TVector u1, out TVector u2, out TVector u3, out TVector u4, out TVector u5);

    /// <summary>Products, to the three outputs of F(3, side).</summary>
    static abstract void ThreeOutputs(TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5,
        out TVector y0, out TVector y1, out TVector y2);
}

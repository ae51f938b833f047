using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>The left operand of a product, seen as lines (rows of C) by depth, wherever its elements really are.</summary>
unsafe interface ILeftOperand<T>
    where T : unmanaged
{
    /// <summary>Whether panels are packed line by line (<see cref="LineMajor"/>) or depth by depth.</summary>
    static abstract bool LineMajor { get; }

    /// <summary>
    /// Packs lines [line, line + lines) by depths [depth0, depth0 + depth) to
    /// panel[l * step + d] if <see cref="LineMajor"/>, else to panel[d * step + l].
    /// Lines beyond <paramref name="lines"/> may keep any value: their results are not stored.
    /// </summary>
    void PackLeft(T* panel, int line, int lines, int depth0, int depth, int step);
}

/// <summary>The right operand of a product, seen as lines (columns of C) by depth.</summary>
unsafe interface IRightOperand<T>
    where T : unmanaged
{
    /// <summary>Packs lines [line, line + lines) by depths [depth0, depth0 + depth) to panel[d * step + l].</summary>
    void PackRight(T* panel, int line, int lines, int depth0, int depth, int step);
}

/// <summary>A matrix whose element (line, depth) is at pointer[line * stride + depth].</summary>
readonly unsafe struct DepthContiguous<T>(T* pointer, long stride) : ILeftOperand<T>, IRightOperand<T>
    where T : unmanaged, INumber<T>
{
    public static bool LineMajor => true;

    public void PackLeft(T* panel, int line, int lines, int depth0, int depth, int step) =>
        Lanes.CopyRows(pointer + (line * stride) + depth0, stride, panel, step, depth, lines);

    public void PackRight(T* panel, int line, int lines, int depth0, int depth, int step) =>
        Transposition.Run(pointer + (line * stride) + depth0, stride, panel, step, lines, depth);
}

/// <summary>A matrix whose element (line, depth) is at pointer[depth * stride + line].</summary>
readonly unsafe struct LineContiguous<T>(T* pointer, long stride) : ILeftOperand<T>, IRightOperand<T>
    where T : unmanaged, INumber<T>
{
    public static bool LineMajor => false;

    public void PackLeft(T* panel, int line, int lines, int depth0, int depth, int step) =>
        Lanes.CopyRows(pointer + (depth0 * stride) + line, stride, panel, step, lines, depth);

    public void PackRight(T* panel, int line, int lines, int depth0, int depth, int step) =>
        PackLeft(panel, line, lines, depth0, depth, step);
}

using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

/// <summary>Attention of inputs that are drawn once, forward and backward, on any device and in any type.</summary>
sealed class AttentionRun
{
    /// <summary>What <see cref="On"/> returns.</summary>
    public static readonly string[] Parts = ["y", "dq", "dk", "dv"];

    readonly int batch, tokens, heads, width;
    readonly float[] qkv, upstream;

    /// <param name="size">Batch, tokens, heads, width.</param>
    /// <param name="factor">Of the queries, keys and values, which are standard normals otherwise.</param>
    public AttentionRun(int[] size, double factor)
    {
        (batch, tokens, heads, width) = (size[0], size[1], size[2], size[3]);
        qkv = Draw(3 * batch * tokens * heads * width, 11, factor);
        upstream = Draw(batch * tokens * heads * width, 12, 1);
    }

    /// <summary>The result and its gradients.</summary>
    /// <param name="device">Where it runs.</param>
    /// <param name="type">In which numbers.</param>
    /// <param name="attention">The operation, from queries, keys and values, heads and scale.</param>
    /// <param name="turn">By how many places the channels of queries and keys are turned within a head: scores have the same terms in
    /// another order.</param>
    public double[][] On(Device device, DType type, Func<Tensor, int, double, Tensor> attention, int turn = 0)
    {
        using var scope = Scope.Begin();
        using var input = new Parameter(Made([.. Enumerable.Range(0, qkv.Length).Select(i => qkv[Turned(i, turn)])],
            [batch, tokens, 3 * heads * width]));
        using Tensor dy = Made(upstream, [batch, tokens, heads * width]);
        Tensor y = attention(input, heads, 1 / Math.Sqrt(width));
        y.Backward(dy);
        double[] turned = OpsTesting.Numbers(input.Grad!), gradient = new double[turned.Length];
        for (int i = 0; i < turned.Length; i++)
            gradient[Turned(i, turn)] = turned[i];
        input.Grad!.Dispose();
        return [OpsTesting.Numbers(y), .. Enumerable.Range(0, 3).Select(part => gradient.Where((_, i) => Part(i) == part).ToArray())];

        Tensor Made(float[] values, Shape shape)
        {
            Tensor made = Tensor.Persistent(shape, type, device);
            return type == DType.Float32
                ? made.CopyFrom<float>(values)
                : made.CopyFrom<double>(Array.ConvertAll(values, static v => (double)v));
        }
    }

    int Part(int place) => place / (heads * width) % 3;

    int Turned(int place, int turn) => Part(place) == 2 ? place : place - (place % width) + (((place % width) + turn) % width);

    static float[] Draw(int count, ulong seed, double factor) =>
        Array.ConvertAll(GradientCheck.Normals(count, seed), v => (float)(v * factor));
}

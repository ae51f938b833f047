using PerturbedForgetting.Tensors.Backends.Cpu;

namespace PerturbedForgetting.Tensors.Backends;

/// <summary>What the backward pass of an elementwise operation reads beside the gradient.</summary>
enum Saved : byte
{
    /// <summary>Nothing: the operation is linear, and is its own backward pass.</summary>
    Nothing,
    /// <summary>x.</summary>
    Input,
    /// <summary>y.</summary>
    Output,
}

/// <summary>Runs a loop of the CPU, y = f(x); the parameter is that of the operation.</summary>
delegate void UnaryLoop(Tensor x, Tensor y, double parameter);

/// <summary>Runs a loop of the CPU, y = f(a, b).</summary>
delegate void BinaryLoop(Tensor a, Tensor b, Tensor y);

/// <summary>y = f(x), elementwise: a row says what the devices and the tape know of an operation.</summary>
/// <param name="Name">What <see cref="Ops"/> calls it; its name in a profile.</param>
/// <param name="Kernel">The GPU's: (y, x, count), or (y, x, parameter, count).</param>
/// <param name="Loop">The CPU's.</param>
/// <param name="TakesParameter">Whether there is a number beside x, such as a factor.</param>
sealed record Unary(string Name, string Kernel, UnaryLoop Loop, bool TakesParameter = false)
{
    /// <summary>y = max(x, 0). NaN stays NaN.</summary>
    public static readonly Unary Relu = Of<ReluKernel>("Relu", "relu", Saved.Output);

    /// <summary>y = 1 / (1 + exp(-x)).</summary>
    public static readonly Unary Sigmoid = Of<SigmoidKernel>("Sigmoid", "sigmoid", Saved.Output) with
    {
        Second = Binary.Of<SigmoidSecondKernel>("sigmoid_second"),
    };

    /// <summary>y = x * cdf(x) with the normal distribution's cdf.</summary>
    public static readonly Unary Gelu = Of<GeluKernel>("Gelu", "gelu", Saved.Input) with
    {
        Second = Binary.Of<GeluSecondKernel>("gelu_second"),
    };

    /// <summary>y = factor * x.</summary>
    public static readonly Unary Scale =
        new("Scale", "elementwise_scale", static (x, y, factor) => CpuBackend.Map(x, y, new ScaleKernel(factor)), TakesParameter: true);

    /// <summary>What the backward pass reads.</summary>
    public Saved Saves { get; private init; }

    /// <summary>dx = f(dy, saved), where something is saved.</summary>
    public Binary Backward
    {
        get => field ?? throw new InvalidOperationException($"{Name} is linear: it is its own backward pass.");
        private init;
    }

    /// <summary>a times the second derivative: f(a, saved); none where that is 0, as of a linear operation and of one with kinks
    /// alone.</summary>
    public Binary? Second { get; private init; }

    /// <summary>The name of the backward pass in a profile.</summary>
    public string BackwardName { get; } = $"{Name} backward";

    static Unary Of<TKernel>(string name, string kernel, Saved saves) where TKernel : struct, IUnaryKernel, IBinaryKernel =>
        new(name, kernel, static (x, y, _) => CpuBackend.Map<TKernel>(x, y, default))
        {
            Saves = saves,
            Backward = Binary.Of<TKernel>($"{kernel}_backward"),
        };
}

/// <summary>y = f(a, b), elementwise.</summary>
/// <param name="Kernel">The GPU's: (y, a, b, count).</param>
/// <param name="Loop">The CPU's.</param>
sealed record Binary(string Kernel, BinaryLoop Loop)
{
    /// <summary>y = a + b.</summary>
    public static readonly Binary Add = Of<AddKernel>("elementwise_add");

    /// <summary>y = a - b.</summary>
    public static readonly Binary Sub = Of<SubKernel>("elementwise_sub");

    /// <summary>y = a * b.</summary>
    public static readonly Binary Mul = Of<MulKernel>("elementwise_mul");

    /// <summary>The operation of a kernel of each device.</summary>
    public static Binary Of<TKernel>(string kernel) where TKernel : struct, IBinaryKernel =>
        new(kernel, static (a, b, y) => CpuBackend.Map<TKernel>(a, b, y, default));
}

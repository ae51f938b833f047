namespace PerturbedForgetting.Tensors.Catalogue;

/// <summary>How far a number may be from the one that is expected: |a - b| ≤ absolute + relative · |b|; both 0 for the same bits.</summary>
readonly record struct Tolerance(double Relative, double Absolute)
{
    /// <summary>The same bits.</summary>
    public static Tolerance Exact => default;

    /// <summary>Of a sum of so many numbers of order one, added up in float32: the running sum is of order √terms.</summary>
    public static Tolerance Sum(long terms) => new(1e-6, Math.ScaleB(terms * Math.Sqrt(terms), -24));
}

/// <summary>What the gradients of an operation are.</summary>
enum GradientKind
{
    /// <summary>It has none.</summary>
    None,
    /// <summary>Those of another function than the result, by definition of the operation.</summary>
    Defined,
    /// <summary>The derivatives of the result.</summary>
    Derivative,
}

/// <summary>
/// An operation with its settings, as everything sees it that goes over all operations: the tests on every device and for any number of
/// threads, and the profile of kernels.
/// </summary>
/// <param name="Name">The function of <see cref="Ops"/> or of the backend; behind a space what is particular.</param>
/// <param name="Run">Computes it from inputs of any device and floating type; what it needs besides, it makes of their type and on
/// their device.</param>
/// <param name="Small">Sets of shapes of the inputs, awkward ones, with so few elements that each can be changed to see what
/// follows.</param>
sealed record Operation(string Name, Func<Tensor[], Tensor> Run, params Shape[][] Small)
{
    /// <summary>As <see cref="Leading"/>: every element.</summary>
    public const int EveryElement = int.MaxValue;

    /// <summary>Further sets of shapes at which devices are compared: a tile of a kernel, one more, several blocks.</summary>
    public Shape[][] Edges { get; init; } = [];

    /// <summary>Shapes at which threads of the CPU share the work; none where there is nothing to share.</summary>
    public Shape[]? Shared { get; init; }

    /// <summary>How many leading dimensions of the first input (of all, if negative, but so many last ones) number what is independent:
    /// what stands at one index there reaches only results and gradients of that index.</summary>
    public int Leading { get; init; }

    /// <summary>Whether the last dimension, too, numbers what is independent: channels.</summary>
    public bool Channels { get; init; }

    /// <summary>Whether it has gradients.</summary>
    public GradientKind Gradient { get; init; } = GradientKind.Derivative;

    /// <summary>How far the results of two devices may differ, by the shapes of the inputs.</summary>
    public Func<Shape[], Tolerance> Forward { get; init; } = static _ => Tolerance.Exact;

    /// <summary>How far the gradients of two devices may differ: one an input, the last also for those behind it.</summary>
    public Func<Shape[], Tolerance>[] Backward { get; init; } = [static _ => Tolerance.Exact];

    /// <summary>Whether what is no number in an input need not show in the result.</summary>
    public bool HidesNaN { get; init; }

    /// <summary>Usual sizes, and the launches that a profile of kernels shows of them.</summary>
    public KernelWorkload[] Workloads { get; init; } = [];

    /// <summary>Whether it maps elements to elements.</summary>
    public bool IsElementwise => Leading == EveryElement;

    /// <summary>Leading dimensions of a first input of this shape.</summary>
    public int LeadingOf(Shape shape) => Leading < 0 ? shape.Rank + Leading : Math.Min(Leading, shape.Rank);

    /// <inheritdoc/>
    public override string ToString() => Name;
}

namespace PerturbedForgetting.Tensors.Catalogue;

/// <summary>What computes products, as far as a device can choose.</summary>
enum ProductUnits
{
    /// <summary>This project's kernels, float32.</summary>
    Float32,
    /// <summary>This project's kernels, on tensor cores with operands rounded to TF32.</summary>
    Tf32,
    /// <summary>This project's kernels, on tensor cores with operands of attention rounded to bfloat16.</summary>
    Bfloat16,
    /// <summary>NVIDIA's libraries, in TF32 as training uses them.</summary>
    Libraries,
}

/// <summary>A launch that a profile of kernels shows.</summary>
/// <param name="Name">The kernel's name, or the library's and its operation's.</param>
/// <param name="Loaded">Bytes an element that any implementation must load.</param>
/// <param name="Stored">Bytes an element that any implementation must store.</param>
/// <param name="IsBackward">Whether the backward pass makes it.</param>
sealed record KernelLaunch(string Name, double Loaded, double Stored, bool IsBackward = false)
{
    /// <summary>Multiplications and additions an element, by the shapes of the inputs, of a kernel that is bound by them; 0 for one that is
    /// bound by memory.</summary>
    public Func<Shape[], double> Operations { get; init; } = static _ => 0;

    /// <summary>How much more than it states it may load, and how much more store, as a part of all bytes that it states: a vector that
    /// every row reads from cache, a window's neighbours, parts of sums that are added up. At 0 not a byte.</summary>
    public double Again { get; init; }

    /// <summary>Whether it uses all of every sector that it asks for.</summary>
    public bool UsesWholeSectors { get; init; } = true;
}

/// <summary>Usual sizes of an operation, and the launches that a profile of kernels shows of it.</summary>
/// <param name="Family">Folder of <c>kernels/</c>, or <see cref="Library"/>.</param>
/// <param name="Shapes">Of the inputs, by the factor of the sides of matrices: everything else grows by its square.</param>
/// <param name="Launches">In the order of the pass.</param>
sealed record KernelWorkload(string Family, Func<int, Shape[]> Shapes, params KernelLaunch[] Launches)
{
    /// <summary>The family of what NVIDIA's libraries launch.</summary>
    public const string Library = "library";

    /// <summary>Who computes the products.</summary>
    public ProductUnits Units { get; init; } = ProductUnits.Tf32;

    /// <summary>Type of the first input.</summary>
    public DType Type { get; init; } = DType.Float32;

    /// <summary>The sizes in words; as a rule the shape of the first input.</summary>
    public Func<Shape[], string> Words { get; init; } = static s => s[0].ToString();

    /// <summary>Elements by which counts are divided; as a rule those of the first input.</summary>
    public Func<Shape[], long> Elements { get; init; } = static s => s[0].Count;
}

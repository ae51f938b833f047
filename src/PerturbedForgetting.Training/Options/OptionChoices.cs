namespace PerturbedForgetting.Training.Options;

/// <summary>What gives class folders their indices.</summary>
public enum ClassFolderOrder
{
    /// <summary>Their names, by code units: "10" before "2".</summary>
    Lexical,
    /// <summary>Their names, numbers by their value: "2" before "10".</summary>
    Natural,
    /// <summary>The file of <see cref="RunOptions.ClassMap"/>.</summary>
    File,
}

/// <summary>What happens at an image whose file ends within its data.</summary>
public enum TruncatedImages
{
    /// <summary>It cannot be read.</summary>
    Fail,
    /// <summary>What is missing is grey; the image is counted and reported.</summary>
    Fill,
}

/// <summary>What the EXIF orientation of an image is worth.</summary>
public enum ExifOrientation
{
    /// <summary>Nothing, as in the reference.</summary>
    Ignore,
    /// <summary>The image is turned.</summary>
    Apply,
}

/// <summary>How answers are written.</summary>
public enum AnswerFormat
{
    /// <summary>For people.</summary>
    Table,
    /// <summary>Comma-separated values with a header.</summary>
    Csv,
    /// <summary>An array of one object an image.</summary>
    Json,
}

/// <summary>What the perturbation maximises.</summary>
public enum PerturbLoss
{
    /// <summary>The training loss.</summary>
    Maximize,
    /// <summary>The loss of output-bias forgetting.</summary>
    OutputBiasForget,
}

/// <summary>Where a perturbation goes.</summary>
public enum SamDirection
{
    /// <summary>Along the gradient of the perturbation loss.</summary>
    Gradient,
    /// <summary>Anywhere: what <c>randsam_</c> does.</summary>
    Random,
    /// <summary>Along the gradient without what it has in common with those before.</summary>
    Friendly,
    /// <summary>Along an average of the gradients.</summary>
    VarianceSuppressed,
    /// <summary>Against the optimizer's momentum.</summary>
    Momentum,
}

/// <summary>Which parameters a perturbation moves.</summary>
public enum PerturbedParameters
{
    /// <summary>All.</summary>
    All,
    /// <summary>Scales and shifts of batch norm and layer norm.</summary>
    Norm,
    /// <summary>All but those.</summary>
    NoNorm,
}

/// <summary>What the length of a perturbation is measured by.</summary>
public enum PerturbationNorm
{
    /// <summary>The L2 norm of the direction, so that the length is the radius.</summary>
    L2,
    /// <summary>Nothing: the radius is a factor.</summary>
    None,
}

/// <summary>Which parameters ASAM scales.</summary>
public enum AsamParameters
{
    /// <summary>All.</summary>
    All,
    /// <summary>Those whose name ends in <c>weight</c>.</summary>
    Weight,
}

/// <summary>How the learning rate grows with the images of an update.</summary>
public enum LrScale
{
    /// <summary>In proportion.</summary>
    Linear,
    /// <summary>With the square root.</summary>
    Sqrt,
}

/// <summary>What happens when a loss is not finite.</summary>
public enum NotFiniteAction
{
    /// <summary>The run ends.</summary>
    Stop,
    /// <summary>The update is left out and counted.</summary>
    Skip,
}

/// <summary>What several workers do with the running statistics of batch norm.</summary>
public enum DistBn
{
    /// <summary>Nothing.</summary>
    None,
    /// <summary>Take their mean.</summary>
    Reduce,
    /// <summary>Take those of the first.</summary>
    Broadcast,
}

/// <summary>In what form gradients travel between processes.</summary>
public enum CommDtype
{
    /// <summary>As they are: float32, or float64 where several were summed.</summary>
    Float32,
    /// <summary>Rounded to bfloat16, for a half or a quarter of the bytes.</summary>
    BFloat16,
}

/// <summary>How a GPU multiplies float32 matrices; the CPU always does <see cref="Fp32"/>.</summary>
public enum GpuPrecision
{
    /// <summary>Operands are rounded for the matrix units.</summary>
    Tf32,
    /// <summary>Operands are not rounded.</summary>
    Fp32,
}

/// <summary>Which eigenvalues are looked for.</summary>
public enum EigenvaluesWanted
{
    /// <summary>Those of the largest magnitude, of either sign.</summary>
    Magnitude,
    /// <summary>The largest.</summary>
    Largest,
    /// <summary>The smallest, that is the most negative.</summary>
    Smallest,
    /// <summary>As many of the largest and as many of the smallest.</summary>
    Both,
}

/// <summary>How eigenvalues are found.</summary>
public enum EigenvalueMethod
{
    /// <summary>Block Lanczos with full reorthogonalisation.</summary>
    Lanczos,
    /// <summary>Power iteration with deflation.</summary>
    Power,
}

/// <summary>How the results of <c>hessian</c> are shown.</summary>
public enum HessianFormat
{
    /// <summary>For people.</summary>
    Table,
    /// <summary>All there is.</summary>
    Json,
    /// <summary>One row a number.</summary>
    Csv,
}

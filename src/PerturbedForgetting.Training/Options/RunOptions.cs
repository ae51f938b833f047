namespace PerturbedForgetting.Training.Options;

/// <summary>
/// The options that training and validation share. Every property is one command line option of the reference's programs under
/// its own name (<see cref="BatchSize"/> is <c>--batch-size</c>); null means "not given", and the model's own value is used.
/// The tables <see cref="OptionTables"/> hold name, help and access to each, for the command line, JSON and comparison.
/// </summary>
public abstract record RunOptions
{
    // Data.

    /// <summary>Root folder of the data set.</summary>
    public string? DataDir { get; set; }

    /// <summary>Name of the data set, such as <c>builtin/shapes</c>; empty means the image folders below <see cref="DataDir"/>.</summary>
    public string Dataset { get; set; } = "";

    /// <summary>Whether the data set may be fetched. Nothing is ever downloaded: the value true is refused.</summary>
    public bool DatasetDownload { get; set; }

    /// <summary>Order that gives class folders their indices: <c>lexical</c> (ordinal), <c>natural</c> (2 before 10) or <c>file</c> (<see cref="ClassMap"/>).</summary>
    public string ClassOrder { get; set; } = "lexical";

    /// <summary>Text file with one class name a line; the line number from 0 is the index.</summary>
    public string? ClassMap { get; set; }

    /// <summary>CSV file of image name and class for a flat folder of images.</summary>
    public string? Labels { get; set; }

    /// <summary>What happens at an image that cannot be read: <c>fail</c> or <c>skip</c> (counted and reported).</summary>
    public string BadImages { get; set; } = "fail";

    /// <summary>What happens at a truncated image: <c>fail</c>, or <c>fill</c> (missing rows grey, counted and reported).</summary>
    public string Truncated { get; set; } = "fail";

    /// <summary>Whether the EXIF orientation is honoured: <c>ignore</c> as in the reference, or <c>apply</c>.</summary>
    public string Exif { get; set; } = "ignore";

    // Model.

    /// <summary>Name of the model in the registry.</summary>
    public string Model { get; set; } = "resnet50";

    /// <summary>Arguments of the model, such as <c>class_token=False</c>: whole numbers (<see cref="long"/>), <see cref="double"/>, <see cref="bool"/>, null, text, and lists of these.</summary>
    public IReadOnlyDictionary<string, object?> ModelKwargs { get; set; } = new Dictionary<string, object?>();

    /// <summary>Number of classes K; null takes it from the data set.</summary>
    public int? NumClasses { get; set; }

    /// <summary>Global pooling: <c>avg</c>, <c>token</c> (ViT), or empty; null takes the model's own.</summary>
    public string? Gp { get; set; }

    /// <summary>Image size in pixels, height and width.</summary>
    public int? ImgSize { get; set; }

    // Images.

    /// <summary>Share of the resized image that the evaluation crop keeps, in (0, 1].</summary>
    public double? CropPct { get; set; }

    /// <summary>Mean that is subtracted, of pixel values in 0..1: one number or three.</summary>
    public double[]? Mean { get; set; }

    /// <summary>Standard deviation that is divided by, of pixel values in 0..1: one number or three.</summary>
    public double[]? Std { get; set; }

    /// <summary>Interpolation of the evaluation resize: <c>bilinear</c> or <c>bicubic</c>; empty takes the model's own.</summary>
    public string Interpolation { get; set; } = "";

    /// <summary>Interpolation of the training resize: <c>bilinear</c> or <c>bicubic</c>; empty takes the model's own.</summary>
    public string TrainInterpolation { get; set; } = "bilinear";

    /// <summary>Images in a batch, B.</summary>
    public int BatchSize { get; set; } = 128;

    // Loss.

    /// <summary>Label smoothing s: target distribution (1-s) one-hot + s/K.</summary>
    public double Smoothing { get; set; }

    /// <summary>Binary cross entropy of sigmoids in place of softmax cross entropy.</summary>
    public bool BceLoss { get; set; }

    /// <summary>Reduction of the binary loss: <c>mean</c> or <c>sum</c> over all, or <c>r1_r2</c> with r1 over classes and r2 over the batch.</summary>
    public string BceReduction { get; set; } = "sum_mean";

    // Machine.

    /// <summary>Device: <c>auto</c> or <c>cpu</c>.</summary>
    public string Device { get; set; } = "auto";

    /// <summary>How a GPU multiplies float32 matrices: <c>tf32</c> rounds the operands for the matrix units, <c>fp32</c> does not. The CPU always does fp32.</summary>
    public string Precision { get; set; } = "tf32";

    /// <summary>Only algorithms that give the same bits in every run on the same machine.</summary>
    public bool Deterministic { get; set; }

    /// <summary>Threads of the CPU device; 0 takes all cores.</summary>
    public int Threads { get; set; }

    /// <summary>Background threads that read and decode images; 0 reads on the training thread.</summary>
    public int Workers { get; set; } = 4;

    /// <summary>Page-locked batches; has no effect on the CPU.</summary>
    public bool PinMem { get; set; }
}

namespace PerturbedForgetting.Training.Options;

/// <summary>All options of <c>data inspect</c>.</summary>
public sealed record InspectOptions : DataToolOptions
{
    internal static readonly OptionTopic<InspectOptions> SheetTopic = new("Inspection");

    /// <summary>Images whose headers are looked at; 0 for all.</summary>
    public int Sample { get => SampleOption[this]; set => SampleOption[this] = value; }
    internal static readonly OptionSpec<InspectOptions, int> SampleOption =
        SheetTopic.Option("sample", 10_000, "images whose size and format are looked at, evenly chosen; 0: all").AtLeast(0);

    /// <summary>PNG of some images of each class; null writes none.</summary>
    public string? Sheet { get => SheetOption[this]; set => SheetOption[this] = value; }
    internal static readonly OptionSpec<InspectOptions, string?> SheetOption =
        SheetTopic.Option<string?>("sheet", null, "write a PNG of some images of each class; of several splits one each").AFile();

    /// <summary>Images of a class on the sheet.</summary>
    public int SheetImages { get => SheetImagesOption[this]; set => SheetImagesOption[this] = value; }
    internal static readonly OptionSpec<InspectOptions, int> SheetImagesOption =
        SheetTopic.Option("sheet-images", 8, "images of a class on it").Within(1, 50);

    /// <summary>Classes on the sheet.</summary>
    public int SheetClasses { get => SheetClassesOption[this]; set => SheetClassesOption[this] = value; }
    internal static readonly OptionSpec<InspectOptions, int> SheetClassesOption =
        SheetTopic.Option("sheet-classes", 50, "classes on it, evenly chosen").Within(1, 400);
}

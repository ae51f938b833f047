using System.Globalization;
using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Datasets.ImageNet;

/// <summary>ImageNet's validation images with the labels of <see cref="RealLabels"/>, beside those they had.</summary>
sealed partial class RealDataset : RelabelledDataset
{
    const string Title = "ImageNet-ReaL", ImageNet = "imagenet";

    readonly int[][] labels;

    RealDataset(Dataset validation, int[][] labels, string name) : base(validation, name, validation.Classes)
    {
        this.labels = labels;
        Scores = ImageNetScores.OfLabelSets(ImageNetScores.Real, Title, hasLabel: true);
    }

    /// <inheritdoc/>
    public override bool HasLabelSets => true;

    /// <inheritdoc/>
    public override IReadOnlyList<DatasetScore> Scores { get; }

    /// <summary>Opens the validation set in a folder that also holds the file.</summary>
    /// <exception cref="DatasetException">There is no such set or file, or they cannot be used.</exception>
    public static RealDataset Open(DatasetRequest request)
    {
        string path = request.Options.RealLabelsFile ?? Path.Combine(request.DataDir, RealLabels.FileName);
        if (!File.Exists(path))
            throw new DatasetException($"{request.Dataset}: there is no {path}, which has the labels; download it from "
                + $"github.com/google-research/reassessed-imagenet, or name it by `{nameof(DatasetOptions.RealLabelsFile)}` FILE",
                    wrongOption: true);
        return Open(OpenValidation(request), path);
    }

    /// <summary>The images as ImageNet's archives or Kaggle's folders have them, else as folders of classes.</summary>
    static Dataset OpenValidation(DatasetRequest request)
    {
        DatasetOptions options = request.Options with { RealLabelsFile = null };
        try
        {
            return DatasetFactory.Open(ImageNet, request.DataDir, request.Split, options);
        }
        catch (DatasetException e) when (e.WrongOption)
        {
            return DatasetFactory.Open("", request.DataDir, request.Split, options);
        }
    }

    /// <summary>Gives validation images the labels of a file.</summary>
    /// <param name="validation">Images whose names tell their numbers: ILSVRC2012_val_00000001.JPEG. Closed with the new set, or if there
    /// is none.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="DatasetException">The file cannot be used, or an image has no number.</exception>
    public static RealDataset Open(Dataset validation, string path)
    {
        try
        {
            int[][] ofNumber = RealLabels.Read(path);
            int[] labelOf = ClassesOf(validation);
            var labels = new int[validation.Count][];
            for (int i = 0; i < labels.Length; i++)
                labels[i] = [.. Labels(validation, i, ofNumber, path).Select(l => labelOf[l]).Where(static l => l >= 0)];
            return new RealDataset(validation, labels, $"{validation.Name}, {Title}");
        }
        catch
        {
            validation.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override int Label(int index) => Inner.Label(index);

    /// <inheritdoc/>
    public override ReadOnlySpan<int> LabelSet(int index) => labels[index];

    static int[] Labels(Dataset validation, int index, int[][] ofNumber, string path)
    {
        string name = validation.Describe(index);
        Match match = ValidationName().Match(validation.ImageName(index));
        if (!match.Success || !int.TryParse(match.Groups[1].Value, CultureInfo.InvariantCulture, out int number) || number == 0)
            throw new DatasetException($"{name} is no image of ImageNet's validation set, whose labels are in {path}: its name does not "
                + "end in a number like ILSVRC2012_val_00000001", wrongOption: true);
        return number <= ofNumber.Length ? ofNumber[number - 1]
            : throw new DatasetException($"{path} has labels of {Quantity.Of(ofNumber.Length, "image")}, and none for {name}");
    }

    /// <summary>The validation set's label for each of the 1000 classes; negative for those that it lacks.</summary>
    static int[] ClassesOf(Dataset validation)
    {
        int[] byName = [.. ImageNetClasses.All.Names.Select(validation.Classes.IndexOf)];
        if (byName.Any(static l => l >= 0))
            return byName;
        return validation.Classes.Count == ImageNetClasses.Count ? [.. Enumerable.Range(0, ImageNetClasses.Count)]
            : throw new DatasetException(
                $"{validation.Name} has {Quantity.Of(validation.Classes.Count, "class", "classes")}, none of which "
                + "is called by a WordNet number, so the labels of ImageNet-ReaL cannot be matched to them", wrongOption: true);
    }

    [GeneratedRegex(@"ILSVRC2012_val_([0-9]{1,9})(?:_n[0-9]+)?$", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex ValidationName();
}

using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Cli.Commands;

/// <summary><c>data convert</c>.</summary>
sealed class DataConvertCommand : DataToolCommand<ConvertDataOptions>
{
    public override CommandHelp Help { get; } = new(
        "data convert", "[DATASET] --to FORM --out FOLDER [options]",
        "Copy a data set into folders, WebDataset's tar files or TFDS's TFRecord files: images as they are, classes and splits; goes on "
            + "where it was ended, and reads everything back.",
        [
            "data convert my-images --to webdataset --out my-shards --shard-size 500",
            "data convert cifar10 --data-dir cifar-10-batches-bin --to tfrecord --out tfds --name my_cifar10",
        ],
        () => OptionTables.ConvertData, new ConvertDataOptions());

    protected override CommandResult Run(ConvertDataOptions options, RunContext context)
    {
        var set = DataTools.Convert(options, context.Observer, context.Token);
        string text = FormattableString.Invariant($"{Quantity.Of(set.Images, "image")} written and read back")
            + (set.Bad > 0 ? FormattableString.Invariant($", {set.Bad} left out") : "") + "; read them with"
            + (set.Dataset.Length > 0 ? $" {RunOptions.DatasetOption} {set.Dataset}" : "") + $" {RunOptions.DataDirOption} {set.DataDir}"
            + (set.ClassMapFile is { } map ? $" {RunOptions.ClassMapOption} {map}" : "");
        return new(ExitCodes.Success, text);
    }
}

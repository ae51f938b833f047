using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Conversion;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Training;

/// <summary>Looks at data sets and copies them: the work of the commands <c>data inspect</c> and <c>data convert</c>.</summary>
public static class DataTools
{
    /// <summary>Tells what the splits of a set consist of, and draws their sheets.</summary>
    /// <exception cref="OptionException">An option is wrong.</exception>
    /// <exception cref="DatasetException">A split cannot be opened.</exception>
    /// <exception cref="IOException">A sheet cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static IReadOnlyList<DatasetSummary> Inspect(InspectOptions options, ITrainingObserver observer, CancellationToken token)
    {
        options.RequireValid();
        OutputFile.Require(InspectOptions.SheetOption, options.Sheet);
        List<DatasetSummary> summaries = [];
        Use(options, observer, token, splits =>
        {
            foreach (var (name, data) in splits)
            {
                observer.Message(MessageLevel.Info, $"looking at {data.Name}");
                summaries.Add(DatasetInspection.Run(data, ImageSetup.Decoder(options), options.Sample, token));
                if (options.Sheet is not { } sheet)
                    continue;
                string split = string.Concat(name.Select(c => char.IsLetterOrDigit(c) ? c : '_'));
                string path = splits.Count == 1 ? sheet
                    : Path.Combine(Path.GetDirectoryName(sheet) ?? "", $"{Path.GetFileNameWithoutExtension(sheet)}-{split}.png");
                byte[] png = ContactSheet.Draw(data, ImageSetup.Decoder(options), options.SheetImages, options.SheetClasses, token);
                AtomicFile.Write(path, stream => stream.Write(png));
                observer.Message(MessageLevel.Info, $"sheet: {path}");
            }
        });
        return summaries;
    }

    /// <summary>Copies the splits of a set into another form.</summary>
    /// <exception cref="OptionException">An option is wrong.</exception>
    /// <exception cref="DatasetException">A split cannot be opened, or the folder holds something else.</exception>
    /// <exception cref="Vision.Imaging.ImageDecodeException">An image cannot be read.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static ConvertedDataset Convert(ConvertDataOptions options, ITrainingObserver observer, CancellationToken token)
    {
        options.RequireValid();
        ConvertedDataset? result = null;
        Use(options, observer, token, splits => result = DatasetConversion.Run(splits, new DatasetConversionOptions
        {
            Form = options.To!,
            Folder = options.Out!,
            Name = options.Name ?? NameOf(options),
            ShardBytes = (long)(options.ShardSize * 1e6),
            BadImages = options.BadImages,
            Decoder = ImageSetup.Decoder(options),
            Reading = new DatasetOptions { Stop = token },
            Report = text => observer.Message(MessageLevel.Warning, text),
            Progress = (what, done, all) => observer.Message(MessageLevel.Info,
                FormattableString.Invariant($"  {what}: {done} of {Quantity.Of(all, "image")}")),
            Stop = token,
        }));
        return result!;
    }

    static void Use(DataToolOptions options, ITrainingObserver observer, CancellationToken token,
        Action<IReadOnlyList<(string Split, Dataset Data)>> use)
    {
        List<(string Split, Dataset Data)> splits = [];
        try
        {
            foreach (string split in options.SplitNames)
            {
                Dataset data;
                try
                {
                    data = Data.Open(options, split, splits.Count == 0 ? null : splits[0].Data.Classes, observer, token);
                }
                // The default stands for whatever there is.
                catch (DatasetException e) when (options.MayLackSplits && e.WrongOption && splits.Count > 0)
                {
                    observer.Message(MessageLevel.Info, $"without {split}: {ParameterNames.Translate(e.Message)}");
                    continue;
                }
                splits.Add((split, data));
                foreach (string note in data.Notes)
                    observer.Message(MessageLevel.Warning, note);
            }
            use(splits);
        }
        finally
        {
            foreach (var (_, data) in splits)
                data.Dispose();
        }
    }

    /// <summary>The last part of the set's name or path, as far as it can be part of a name.</summary>
    static string NameOf(RunOptions options)
    {
        string source = options.Dataset is "" or "folder" or "image_folder" or "tar" or "webdataset" or "parquet"
            ? Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.DataDir ?? "")))
            : options.Dataset.Split(':')[0].Split('/')[^1];
        string name = string.Concat(source.Select(static c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
        return name.Length > 0 && char.IsAsciiLetter(name[0]) ? name : "images_" + name;
    }
}

using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Conversion;

namespace PerturbedForgetting.Fuzz;

/// <summary>Reads what tells how far the conversion of a data set is.</summary>
sealed class ConversionFuzzReader : FileFuzzReader
{
    protected override void ReadFile()
    {
        string folder = System.IO.Path.GetDirectoryName(Path)!;
        File.Move(Path, System.IO.Path.Combine(folder, ".convert.json"), overwrite: true);
        try
        {
            foreach (ConvertedSplit split in ConversionJournal.Read(folder)!.Splits)
                _ = split.Count + split.Next;
        }
        catch (DatasetException)
        {
        }
    }
}

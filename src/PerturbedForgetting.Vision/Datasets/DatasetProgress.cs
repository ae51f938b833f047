namespace PerturbedForgetting.Vision.Datasets;

/// <summary>How far something is that takes long before a data set can be read.</summary>
/// <param name="Task">What is being done: "indexing 147 files".</param>
/// <param name="Done">Bytes that are done.</param>
/// <param name="Total">Bytes in all.</param>
public readonly record struct DatasetProgress(string Task, long Done, long Total);

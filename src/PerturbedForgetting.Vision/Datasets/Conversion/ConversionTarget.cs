namespace PerturbedForgetting.Vision.Datasets.Conversion;

/// <summary>A form that a set is converted to.</summary>
/// <param name="folder">Where it goes.</param>
abstract class ConversionTarget(string folder)
{
    /// <summary>Where it goes.</summary>
    protected string Folder => folder;

    /// <summary>Whether images are read back in the order in which they were written; else by class and name.</summary>
    public virtual bool KeepsOrder => true;

    /// <summary>Whether each class has names of its own.</summary>
    public virtual bool NamesByClass => false;

    /// <summary>Whether images of one piece lie in files of their own, so that the size of a piece does not matter to a reader.</summary>
    public virtual bool HasShards => true;

    /// <summary>Refuses classes that the form cannot have.</summary>
    /// <exception cref="DatasetException">There is one.</exception>
    public virtual void Check(ClassList classes)
    {
    }

    /// <summary>Writes a piece: all of it, or nothing that is taken for it.</summary>
    /// <param name="split">Name of the split.</param>
    /// <param name="number">Number of the piece, from 0.</param>
    /// <param name="classes">The classes.</param>
    /// <param name="images">The images.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public abstract void WriteShard(string split, int number, ClassList classes, IEnumerable<ConvertedImage> images);

    /// <summary>Makes the set whole once all pieces are there; also when that was done before.</summary>
    /// <param name="splits">The splits.</param>
    /// <param name="classes">The classes.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public abstract void Finish(IReadOnlyList<ConvertedSplit> splits, ClassList classes);

    /// <summary>Opens a split that was written.</summary>
    /// <param name="split">The split.</param>
    /// <param name="options">How long preparations are watched.</param>
    public abstract Dataset Open(ConvertedSplit split, DatasetOptions options);

    /// <summary>What the kind of the set is called (<see cref="DatasetFactory.Names"/>); empty for folders.</summary>
    public abstract string Dataset { get; }

    /// <summary>The list of classes that is needed to read the set; null where it is read without.</summary>
    public virtual string? ClassMapFile => null;

    /// <summary>The file, or the folder, that holds a piece, for messages.</summary>
    public abstract string Where(string split, int number);

    /// <summary>Refuses names of splits that cannot be part of a file's name.</summary>
    /// <exception cref="DatasetException">It is none.</exception>
    public static void RequireName(string split)
    {
        if (split.Length == 0 || !split.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'))
            throw new DatasetException($"a converted split is called by letters, digits, '_' and '-'; '{split}' is none: convert the whole "
                + "split", wrongOption: true);
    }
}

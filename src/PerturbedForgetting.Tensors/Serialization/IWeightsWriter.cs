namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>Collects tensors and writes them as one file, in the order they were added; a source is asked for its bytes only while the file
/// is written.</summary>
public interface IWeightsWriter
{
    /// <summary>Adds a tensor whose bytes are produced when the file is written.</summary>
    /// <param name="name">Unique name.</param>
    /// <param name="dtype">Type of the items.</param>
    /// <param name="shape">Sizes, outermost first; empty for a scalar.</param>
    /// <param name="source">Writes exactly the tensor's bytes, little-endian and row-major, to the stream it is given.</param>
    /// <exception cref="ArgumentException">The name is taken or reserved, or a size is negative or overflows.</exception>
    void Add(string name, SafetensorsDType dtype, ReadOnlySpan<long> shape, Action<Stream> source);

    /// <summary>Writes the file atomically: see <see cref="AtomicFile"/>.</summary>
    /// <exception cref="IOException">The file cannot be written; an older file of the same name is unchanged.</exception>
    void Save(string path);
}

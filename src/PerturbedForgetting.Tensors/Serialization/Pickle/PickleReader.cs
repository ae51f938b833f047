namespace PerturbedForgetting.Tensors.Serialization.Pickle;

/// <summary>What a pickle holds.</summary>
/// <param name="Value">Null (None), <see cref="bool"/>, <see cref="long"/> or a BigInteger, <see cref="double"/>, <see cref="string"/>,
/// an array of bytes (also a text of Python 2), <see cref="PickleTuple"/>, <see cref="PickleList"/>, <see cref="PickleDict"/>,
/// <see cref="NumpyArray"/>, <see cref="PickleGlobal"/>, or a <see cref="PickleObject"/>.</param>
/// <param name="Placeholders">Classes and functions that are not known and were not called, the first thirty.</param>
public sealed record PickleContent(object? Value, IReadOnlyList<string> Placeholders);

/// <summary>
/// Reads Python's pickles, protocols 0 to 5, without executing anything: a machine that builds plain values, NumPy's arrays and what
/// <see cref="PickleTypes"/> knows. Whatever else a pickle would call becomes an inert <see cref="PickleObject"/>. Time and memory are
/// bounded by the length of the file.
/// </summary>
public static class PickleReader
{
    /// <summary>Reads one pickle from the beginning of a stream.</summary>
    /// <param name="stream">The bytes, from its position on; more than the pickle may be read from it.</param>
    /// <param name="length">How many bytes there are at most.</param>
    /// <param name="name">Named in messages: the file, or the member of an archive.</param>
    /// <exception cref="PickleException">The pickle is malformed or was made to do harm.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static PickleContent Read(Stream stream, long length, string name) =>
        Read(new PickleSource(stream, length, name), new PickleTypes());

    /// <summary>Reads one pickle from the beginning of a buffer.</summary>
    /// <inheritdoc cref="Read(Stream, long, string)"/>
    public static PickleContent Read(byte[] bytes, string name) => Read(new MemoryStream(bytes), bytes.Length, name);

    /// <summary>Reads the next pickle of several.</summary>
    internal static PickleContent Read(PickleSource source, PickleTypes types)
    {
        var machine = new PickleMachine(source, types);
        return new(machine.Run(), machine.Placeholders);
    }
}

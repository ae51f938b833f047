namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>One tensor of an open <see cref="SafetensorsFile"/>.</summary>
public sealed class SafetensorsEntry : WeightsEntry
{
    readonly SafetensorsFile file;
    readonly long begin;

    internal SafetensorsEntry(SafetensorsFile file, string name, SafetensorsDType dtype, long[] shape, long begin)
        : base(file.Path, name, dtype, shape) => (this.file, this.begin) = (file, begin);

    /// <inheritdoc/>
    public override Stream OpenRead() => new RangeStream(file.ReadData, begin, ByteLength);

    private protected override WeightsException Defect(string defect) => new SafetensorsException(Path, defect);
}

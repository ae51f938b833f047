namespace PerturbedForgetting.Tensors.Nn;

/// <summary>Drops elements in training mode and does nothing in evaluation; see <see cref="Ops.Dropout"/>.</summary>
public sealed class Dropout : Module
{
    /// <param name="p">Probability of dropping an element, in [0, 1].</param>
    /// <param name="stream">Where masks come from; by default the one that all dropout layers of the open <see cref="Initialization"/>
    /// share.</param>
    /// <exception cref="ArgumentOutOfRangeException">p is no probability.</exception>
    public Dropout(double p, DropoutStream? stream = null)
    {
        if (!(p >= 0 && p <= 1))
            throw new ArgumentOutOfRangeException(nameof(p), $"A dropout probability lies in [0, 1]; it is {p}.");
        P = p;
        Stream = stream ?? Initialization.Current.Dropout;
    }

    /// <summary>Probability of dropping an element.</summary>
    public double P { get; }

    /// <summary>Where masks come from.</summary>
    public DropoutStream Stream { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x) => Ops.Dropout(x, P, Training, Stream);
}

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Work of a stream that other devices take part in: it begins when what comes before it is done, and is done when theirs has
/// arrived. Whoever waits for it lets other calls in meanwhile.</summary>
abstract class JointWork
{
    /// <summary>Whether <see cref="Begin"/> was called.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Whether <see cref="Finish"/> may be called.</summary>
    public abstract bool HasArrived { get; }

    /// <summary>Does this device's part.</summary>
    public void Begin(Operation operation)
    {
        HasBegun = true;
        Start(operation);
    }

    /// <inheritdoc cref="Begin"/>
    protected abstract void Start(Operation operation);

    /// <summary>Takes what has arrived.</summary>
    public abstract void Finish(Operation operation);
}

/// <summary>The devices that do joint work.</summary>
interface IJointGroup
{
    /// <summary>Ends the work of this device without waiting for the others.</summary>
    void Abort();
}

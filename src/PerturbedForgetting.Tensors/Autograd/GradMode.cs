namespace PerturbedForgetting.Tensors.Autograd;

/// <summary>Whether operations of this thread are recorded on the tape.</summary>
public static class GradMode
{
    [ThreadStatic] static int disabled;

    /// <summary>Whether operations are recorded.</summary>
    public static bool Enabled => disabled == 0;

    /// <summary>Stops recording until the result is disposed.</summary>
    public static NoGrad NoGrad()
    {
        disabled++;
        return new NoGrad();
    }

    internal static void Leave() => disabled--;
}

/// <summary>While it lives, operations of this thread are not recorded. Made by <see cref="GradMode.NoGrad"/>.</summary>
public readonly ref struct NoGrad
{
    /// <summary>Records again.</summary>
    public void Dispose() => GradMode.Leave();
}

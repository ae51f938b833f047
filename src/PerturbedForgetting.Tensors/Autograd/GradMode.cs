namespace PerturbedForgetting.Tensors.Autograd;

/// <summary>Whether operations of this thread are recorded on the tape.</summary>
public static class GradMode
{
    [ThreadStatic] static int disabled, second;

    /// <summary>Whether operations are recorded.</summary>
    public static bool Enabled => disabled == 0;

    /// <summary>Stops recording until the result is disposed.</summary>
    public static NoGrad NoGrad()
    {
        disabled++;
        return new NoGrad();
    }

    /// <summary>Whether operations are recorded for a second differentiation (<see cref="HessianProducts"/>).</summary>
    public static bool IsSecondOrder => second > 0;

    /// <summary>Until the result is disposed, operations record what a second differentiation needs: losses keep their logits, and
    /// attention its matrix of scores.</summary>
    public static SecondOrder SecondOrder()
    {
        second++;
        return new SecondOrder();
    }

    internal static void Leave() => disabled--;

    internal static void LeaveSecondOrder() => second--;
}

/// <summary>While it lives, operations of this thread are recorded for a second differentiation. Made by
/// <see cref="GradMode.SecondOrder"/>.</summary>
public readonly ref struct SecondOrder
{
    /// <summary>Records for a first one again.</summary>
    public void Dispose() => GradMode.LeaveSecondOrder();
}

/// <summary>While it lives, operations of this thread are not recorded. Made by <see cref="GradMode.NoGrad"/>.</summary>
public readonly ref struct NoGrad
{
    /// <summary>Records again.</summary>
    public void Dispose() => GradMode.Leave();
}

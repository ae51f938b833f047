namespace PerturbedForgetting.Vision.Datasets;

/// <summary>A data set that cannot be used as it is: what is wrong, where, and what to do about it.</summary>
/// <param name="message">The whole message for the user.</param>
/// <param name="wrongOption">The fault is in an option (a name, a split), not in the data.</param>
public sealed class DatasetException(string message, bool wrongOption = false) : Exception(message)
{
    /// <summary>The fault is in an option, not in the data.</summary>
    public bool WrongOption { get; } = wrongOption;
}

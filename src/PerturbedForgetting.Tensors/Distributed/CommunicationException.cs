namespace PerturbedForgetting.Tensors.Distributed;

/// <summary>The processes of a group cannot work together any more: one has ended, hangs, or cannot be reached. The message names it and
/// says what to do.</summary>
public sealed class CommunicationException(string message, Exception? cause = null) : Exception(message, cause);

namespace PerturbedForgetting.Tensors.Distributed;

/// <summary>How far a process has come with the calls that all members of a group make, for whoever watches over them.</summary>
/// <param name="Begun">Calls that this process has made.</param>
/// <param name="Done">Those that are over. While the others wait for a member, it is the one that has begun the fewest.</param>
/// <param name="Waiting">How long the first that is not over has been going on; zero where all are.</param>
public readonly record struct CommunicationProgress(long Begun, long Done, TimeSpan Waiting);

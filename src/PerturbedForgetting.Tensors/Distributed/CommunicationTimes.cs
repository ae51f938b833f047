namespace PerturbedForgetting.Tensors.Distributed;

/// <summary>What communication has cost since the group was made.</summary>
/// <param name="Bytes">Bytes of the tensors that were reduced, sent or gathered.</param>
/// <param name="Busy">Time in which something was under way.</param>
/// <param name="Waited">The part of it that the computation waited for; the rest was hidden behind it.</param>
public readonly record struct CommunicationTimes(long Bytes, TimeSpan Busy, TimeSpan Waited);

namespace PerturbedForgetting.Tensors.Distributed;

/// <summary>What becomes of the values that the processes of a group have at the same place.</summary>
public enum ReduceOperation
{
    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>The smallest.</summary>
    Min,

    /// <summary>The largest.</summary>
    Max,
}

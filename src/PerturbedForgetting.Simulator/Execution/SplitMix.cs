namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Pseudo-random numbers in a few operations and 8 bytes (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number
/// Generators", OOPSLA 2014).</summary>
struct SplitMix(ulong state)
{
    const ulong Step = 0x9e37_79b9_7f4a_7c15;

    ulong state = state;

    /// <summary>64 random bits.</summary>
    public ulong Next() => Mix(state += Step);

    /// <summary>A number from 0 to below a positive limit.</summary>
    public int Below(int limit) => (int)(((Next() >> 32) * (ulong)limit) >> 32);

    /// <summary>A number whose every bit depends on every bit of another.</summary>
    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xbf58_476d_1ce4_e5b9;
        z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
        return z ^ (z >> 31);
    }
}

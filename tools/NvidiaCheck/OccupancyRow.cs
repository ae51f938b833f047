using System.Globalization;

namespace PerturbedForgetting.NvidiaCheck;

/// <summary>What a kernel uses and keeps busy on one architecture.</summary>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="Local">Bytes of local memory of a thread.</param>
/// <param name="Occupancy">Warps at once in percent of those that a multiprocessor holds.</param>
readonly record struct OccupancyCell(int Registers, int Local, int Occupancy)
{
    /// <summary>As in the table: <c>52/0/50</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Registers}/{Local}/{Occupancy}");

    /// <summary>Reads it.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static OccupancyCell Parse(string text)
    {
        int[] numbers = [.. text.Split('/').Select(static part => int.Parse(part, CultureInfo.InvariantCulture))];
        return numbers is [var registers, var local, var occupancy]
            ? new(registers, local, occupancy)
            : throw new FormatException($"'{text}' is not REGISTERS/LOCAL/OCCUPANCY");
    }
}

/// <summary>A kernel's line of the table.</summary>
/// <param name="Kernel">Its name.</param>
/// <param name="Threads">Threads of a block: what its bounds say; where it has none, how the launch's documentation puts it.</param>
/// <param name="Shared">Bytes of static shared memory.</param>
/// <param name="Dynamic">Bytes of dynamic shared memory of the launches that matter.</param>
/// <param name="Limit">What limits its speed: <see cref="Memory"/>, or another word with the reason in the note.</param>
/// <param name="Cells">One an architecture, in the order of <see cref="Architecture.All"/>.</param>
/// <param name="Note">Why more warps would not help it; empty where memory limits it.</param>
sealed record OccupancyRow(
    string Kernel, int Threads, int Shared, int Dynamic, string Limit, IReadOnlyList<OccupancyCell> Cells, string Note)
{
    /// <summary>The limit of a kernel that hides the latency of memory with many warps.</summary>
    public const string Memory = "memory";
}

namespace PerturbedForgetting.NvidiaCheck;

/// <summary>What the assembler made of a kernel.</summary>
/// <param name="Kernel">Its name.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="Local">Bytes of local memory of a thread: registers that spilled, and arrays that are indexed.</param>
/// <param name="Shared">Bytes of static shared memory of a block.</param>
sealed record KernelUse(string Kernel, int Registers, int Local, int Shared);

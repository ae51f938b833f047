using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Planted;

/// <summary>A few lines of PTX with a fault, and the same lines without it.</summary>
/// <param name="Name">The fault in words.</param>
/// <param name="Kind">How it is called.</param>
/// <param name="Advice">A part of the message that says what to do, or what is wrong.</param>
/// <param name="Body">The kernel behind <see cref="Head"/>; what stands for <c>#</c> is right or wrong.</param>
/// <param name="Right">With this there is no fault.</param>
/// <param name="Wrong">With this there is one.</param>
/// <param name="Blocks">Blocks of the launch.</param>
/// <param name="Threads">Threads of a block.</param>
sealed record PlantedProgram(string Name, FaultKind Kind, string Advice, string Body, string Right, string Wrong, int Blocks = 1,
    int Threads = 64)
{
    /// <summary>%r1 is the thread, %r2 its lane, %r3 its warp, %r4 the block; %rd1 and %rd2 are two arrays of 1024 words, zero and never
    /// written, %rd3 and %rd4 the thread's words in them; %r5 is the address of the thread's word of shared memory, %r6 that of its
    /// neighbour's, %rd5 that of its neighbour in the first array.</summary>
    const string Head = """
        .reg .pred %p<8>;
        .reg .b32 %r<32>;
        .reg .f32 %f<8>;
        .reg .b64 %rd<16>;
        .shared .align 16 .b32 words[256];
        ld.param.u64 %rd1, [a];
        ld.param.u64 %rd2, [b];
        mov.u32 %r1, %tid.x;
        and.b32 %r2, %r1, 31;
        shr.u32 %r3, %r1, 5;
        mov.u32 %r4, %ctaid.x;
        mul.wide.u32 %rd3, %r1, 4;
        add.u64 %rd4, %rd2, %rd3;
        add.u64 %rd3, %rd1, %rd3;
        mov.u32 %r7, words;
        mad.lo.u32 %r5, %r1, 4, %r7;
        xor.b32 %r8, %r1, 1;
        mad.lo.u32 %r6, %r8, 4, %r7;
        mul.wide.u32 %rd5, %r8, 4;
        add.u64 %rd5, %rd1, %rd5;
        mov.f32 %f1, 0f3F800000;
        mov.u32 %r9, 7;

        """;

    /// <summary>The fault that is found.</summary>
    /// <param name="isWrong">Whether the fault is there.</param>
    /// <param name="workers">Threads of the host.</param>
    /// <param name="seed">Order of blocks and warps; null for that of their numbers.</param>
    public DeviceFault? Run(bool isWrong, int workers, int? seed)
    {
        string body = $"{Head}{Body.Replace("#", isWrong ? Wrong : Right, StringComparison.Ordinal)}\nret;";
        using var device = new Device(Device.Kernel(".param .u64 a, .param .u64 b", body)) { Workers = workers, ShuffleSeed = seed };
        ulong a = device.Upload(new uint[1024]), b = device.Allocate(4096);
        try
        {
            device.Launch("k", new Extent(Blocks), new Extent(Threads), a, b);
            return null;
        }
        catch (DeviceFault fault)
        {
            return fault;
        }
    }

    /// <summary>The name of the test.</summary>
    public override string ToString() => Name;
}

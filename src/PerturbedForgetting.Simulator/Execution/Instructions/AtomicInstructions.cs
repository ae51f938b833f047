using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>What an atomic operation makes of the old value and its operands.</summary>
interface IAtomic<T>
{
    static abstract T Apply(T old, T b, T c);
}

/// <summary>Atomic operations on global and shared memory (PTX ISA, "atom", "red"). Lanes take their turn in order; on global memory
/// each is atomic among all blocks.</summary>
static unsafe class AtomicInstructions
{
    public static IEnumerable<InstructionFamily> Families =>
    [
        new("atom", "atom{.sem}{.scope}{.global|.shared}.{add.u32|.s32|.u64|.f32|.f64, min|max.u32|.s32|.u64|.s64, inc|dec.u32, "
            + "and|or|xor|exch|cas.b32|.b64} d, [a], b{, c}", Lower),
        new("red", "red{.sem}{.scope}{.global|.shared} as atom without d", Lower),
    ];

    static void Lower(Lowering context, PtxInstruction instruction)
    {
        bool returns = instruction.Opcode == "atom";
        var space = StateSpace.Generic;
        List<string> words = [];
        foreach (string word in instruction.Modifiers)
        {
            if (word is "global" or "shared" or "shared::cta")
                space = word == "global" ? StateSpace.Global : StateSpace.Shared;
            else if (word is not ("relaxed" or "acquire" or "release" or "acq_rel" or "cta" or "gpu" or "sys" or "noftz"))
                words.Add(word);
        }
        AccessFlags flags = (instruction.Modifiers.Any(m => m is "acquire" or "acq_rel") ? AccessFlags.Acquire : 0)
            | (instruction.Modifiers.Any(m => m is "release" or "acq_rel") ? AccessFlags.Release : 0)
            | (instruction.Modifiers.Contains("cta") ? AccessFlags.BlockScope : 0);
        if (words.Count != 2)
            throw context.Unknown();
        flags |= (words[0] == "add" && words[1].Contains('f')) || context.Arrivals.IsSum(instruction) ? AccessFlags.Sum : 0;
        PtxType type = PtxTypes.Parse(words[1]);
        delegate*<Warp, Instruction*, uint, void> handler = Handler(words[0], words[1]);
        if (handler == null)
            throw context.Unknown();
        int first = returns ? 1 : 0;
        int b = context.Source(first + 1, type), c = words[0] == "cas" ? context.Source(first + 2, type) : b;
        int destination = returns ? context.DestinationOrSink(context.Operand(0), type) : -1;
        ref Instruction i = ref context.Emit(handler, InstructionClass.Atomic);
        MemoryAccess.SetAddress(context, ref i, context.Operand(first));
        (i.Destination, i.B, i.C, i.D) = (destination, b, c, (int)space);
        i.Flags |= (int)flags;
    }

    static delegate*<Warp, Instruction*, uint, void> Handler(string operation, string type) => (operation, type) switch
    {
        ("add", "u32" or "s32") => &Run<uint, Add<uint>>,
        ("add", "u64") => &Run<ulong, Add<ulong>>,
        // PTX ISA, "atom": on global memory subnormal numbers count as zero, on shared memory they do not.
        ("add", "f32") => &Run<float, Add<float>, AddFlushed>,
        ("add", "f64") => &Run<double, Add<double>>,
        ("min", "u32") => &Run<uint, Min<uint>>,
        ("min", "s32") => &Run<int, Min<int>>,
        ("min", "u64") => &Run<ulong, Min<ulong>>,
        ("min", "s64") => &Run<long, Min<long>>,
        ("max", "u32") => &Run<uint, Max<uint>>,
        ("max", "s32") => &Run<int, Max<int>>,
        ("max", "u64") => &Run<ulong, Max<ulong>>,
        ("max", "s64") => &Run<long, Max<long>>,
        ("inc", "u32") => &Run<uint, Increment>,
        ("dec", "u32") => &Run<uint, Decrement>,
        ("and", "b32") => &Run<uint, And<uint>>,
        ("and", "b64") => &Run<ulong, And<ulong>>,
        ("or", "b32") => &Run<uint, Or<uint>>,
        ("or", "b64") => &Run<ulong, Or<ulong>>,
        ("xor", "b32") => &Run<uint, Xor<uint>>,
        ("xor", "b64") => &Run<ulong, Xor<ulong>>,
        ("exch", "b32" or "u32" or "s32" or "f32") => &Run<uint, Exchange<uint>>,
        ("exch", "b64" or "u64" or "s64") => &Run<ulong, Exchange<ulong>>,
        ("cas", "b32" or "u32" or "s32") => &Run<uint, CompareAndSwap<uint>>,
        ("cas", "b64" or "u64" or "s64") => &Run<ulong, CompareAndSwap<ulong>>,
        _ => null,
    };

    static void Run<T, TOperation>(Warp warp, Instruction* i, uint mask) where T : unmanaged where TOperation : struct, IAtomic<T> =>
        Run<T, TOperation, TOperation>(warp, i, mask);

    static void Run<T, TShared, TGlobal>(Warp warp, Instruction* i, uint mask) where T : unmanaged where TShared : struct,
        IAtomic<T> where TGlobal : struct, IAtomic<T>
    {
        ulong* addresses = stackalloc ulong[Warp.Lanes];
        MemoryAccess.Addresses(warp, i, addresses);
        uint shared = i->D == (int)StateSpace.Shared ? mask : 0;
        if (i->D == (int)StateSpace.Generic)
            (shared, _) = SharedAccess.Spaces(addresses, mask);
        T* b = (T*)(warp.Registers + i->B), c = (T*)(warp.Registers + i->C),
            result = i->Destination < 0 ? null : (T*)(warp.Registers + i->Destination);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            T old;
            if ((shared >> lane & 1) != 0)
                old = Update<T, TShared>(Shared<T>(warp, i, addresses[lane], lane), b[lane], c[lane]);
            else
            {
                // The order of these operations is that in which they are noted.
                lock (warp.Worker.Watch.Gate)
                    old = Update<T, TGlobal>(Global<T>(warp, i, addresses[lane], lane), b[lane], c[lane]);
            }
            if (result != null)
                result[lane] = old;
        }
        if (shared != 0)
            MemoryAccess.CountBanks(warp, i, addresses, shared, sizeof(T));
    }

    static T* Global<T>(Warp warp, Instruction* i, ulong address, int lane) where T : unmanaged
    {
        Allocation allocation = MemoryAccess.Find(warp, i, address, sizeof(T), lane);
        MemoryAccess.RequireWritten(warp, i, allocation, address, sizeof(T), lane);
        MemoryAccess.NoteStream(warp, i, allocation, address, sizeof(T), isWrite: true, lane);
        if (warp.Worker.Watch.Update(allocation, address, sizeof(T), warp.Index, lane, (AccessFlags)i->Flags) is { } problem)
            throw MemoryAccess.Problem(warp, i, allocation, address, sizeof(T), problem, lane);
        warp.Worker.Counters.Atomics++;
        return (T*)address;
    }

    /// <summary>Atomic operations of several warps on one word are no race; they race with plain accesses.</summary>
    static T* Shared<T>(Warp warp, Instruction* i, ulong address, int lane) where T : unmanaged
    {
        SharedMemory shared = warp.Worker.Shared;
        uint at = SharedAccess.Check(warp, i, shared, address, sizeof(T), lane);
        bool isSum = (i->Flags & (int)AccessFlags.Sum) != 0 && !warp.Worker.AllowsUnorderedSums;
        if (shared.Update(at, sizeof(T), warp.Index, lane, isSum) is { } problem)
            throw SharedAccess.Problem(warp, i, at, "changes atomically", problem, lane);
        return (T*)(shared.Data + at);
    }

    static T Update<T, TOperation>(T* place, T b, T c) where T : unmanaged where TOperation : struct, IAtomic<T>
    {
        while (true)
        {
            T old = *place, changed = TOperation.Apply(old, b, c);
            bool isDone = sizeof(T) == 4
                ? Interlocked.CompareExchange(ref *(uint*)place, Unsafe.BitCast<T, uint>(changed), Unsafe.BitCast<T, uint>(old)) == Unsafe
                .BitCast<T, uint>(old)
                : Interlocked.CompareExchange(ref *(ulong*)place, Unsafe.BitCast<T, ulong>(changed), Unsafe.BitCast<T, ulong>(old))
                == Unsafe.BitCast<T, ulong>(old);
            if (isDone)
                return old;
        }
    }

    readonly struct Add<T> : IAtomic<T> where T : IAdditionOperators<T, T, T>
    {
        public static T Apply(T old, T b, T c) => old + b;
    }

    readonly struct AddFlushed : IAtomic<float>
    {
        public static float Apply(float old, float b, float c) =>
            FloatInstructions.Flush.Apply(FloatInstructions.Flush.Apply(old) + FloatInstructions.Flush.Apply(b));
    }

    readonly struct Min<T> : IAtomic<T> where T : INumber<T>
    {
        public static T Apply(T old, T b, T c) => T.Min(old, b);
    }

    readonly struct Max<T> : IAtomic<T> where T : INumber<T>
    {
        public static T Apply(T old, T b, T c) => T.Max(old, b);
    }

    readonly struct Increment : IAtomic<uint>
    {
        public static uint Apply(uint old, uint b, uint c) => old >= b ? 0 : old + 1;
    }

    readonly struct Decrement : IAtomic<uint>
    {
        public static uint Apply(uint old, uint b, uint c) => old == 0 || old > b ? b : old - 1;
    }

    readonly struct And<T> : IAtomic<T> where T : IBitwiseOperators<T, T, T>
    {
        public static T Apply(T old, T b, T c) => old & b;
    }

    readonly struct Or<T> : IAtomic<T> where T : IBitwiseOperators<T, T, T>
    {
        public static T Apply(T old, T b, T c) => old | b;
    }

    readonly struct Xor<T> : IAtomic<T> where T : IBitwiseOperators<T, T, T>
    {
        public static T Apply(T old, T b, T c) => old ^ b;
    }

    readonly struct Exchange<T> : IAtomic<T>
    {
        public static T Apply(T old, T b, T c) => b;
    }

    readonly struct CompareAndSwap<T> : IAtomic<T> where T : IEqualityOperators<T, T, bool>
    {
        public static T Apply(T old, T b, T c) => old == b ? c : old;
    }
}

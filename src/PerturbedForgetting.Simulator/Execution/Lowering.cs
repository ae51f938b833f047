using System.Runtime.InteropServices;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>What an instruction family needs while it turns one PTX instruction into decoded ones: register offsets, constants,
/// places, errors. One object per function that is compiled.</summary>
sealed unsafe partial class Lowering(string module, PtxFunction function)
{
    readonly Dictionary<string, int> registers = [];
    readonly Dictionary<string, int> specials = [];
    readonly Dictionary<(ulong Bits, bool IsWide), int> constants = [];
    readonly List<(int Offset, byte[] Bytes)> constantImages = [];
    readonly List<Instruction> code = [];
    readonly List<PtxLocation> locations = [];
    int registerBytes;

    /// <summary>The instruction that is being lowered.</summary>
    public PtxInstruction Current { get; private set; } = null!;

    /// <summary>An error at the current instruction, in the form <c>module:line: kernel: instruction: message</c>.</summary>
    public PtxException Error(string message) =>
        new(module, Current.Location.Line, $"{function.Name}: {Current.Mnemonic}: {message}");

    /// <summary>Adds a decoded instruction with the current guard; the caller fills the operands.</summary>
    public ref Instruction Emit(delegate*<Warp, Instruction*, uint, void> handler, InstructionClass type)
    {
        code.Add(new Instruction
        {
            Handler = handler,
            Destination = -1,
            A = -1,
            B = -1,
            C = -1,
            D = -1,
            Guard = Current.Guard is null ? -1 : Register(Current.Guard, PtxType.Pred),
            GuardFlip = Current.IsGuardNegated ? uint.MaxValue : 0,
            Location = locations.Count,
            Class = type,
        });
        locations.Add(Current.Location);
        return ref CollectionsMarshal.AsSpan(code)[^1];
    }

    /// <summary>Operand <paramref name="index"/> of the current instruction.</summary>
    public PtxOperand Operand(int index) => index < Current.Operands.Count
        ? Current.Operands[index]
        : throw Error($"operand {index + 1} is missing");

    /// <summary>Offset of an operand that is read as <paramref name="type"/>: a register, a special register or a constant.</summary>
    public int Source(int index, PtxType type) => Source(Operand(index), type);

    /// <inheritdoc cref="Source(int, PtxType)"/>
    public int Source(PtxOperand operand, PtxType type) => operand switch
    {
        PtxName { IsNegated: true } => throw Error("a negated predicate cannot stand here"),
        PtxName { Name: var name } when function.Registers.ContainsKey(name) => Register(name, type),
        PtxName { Name: var name } when name.StartsWith('%') => Special(name, type),
        PtxName name => Constant(SymbolAddress(name), PtxTypes.SizeOf(type) == 8),
        PtxConstant constant => Constant(Bits(constant, type), PtxTypes.SizeOf(type) == 8),
        _ => throw Error($"{operand} cannot be read as .{type.ToString().ToLowerInvariant()}"),
    };

    /// <summary>Offset of an operand that is written as <paramref name="type"/>; -1 for the sink <c>_</c>.</summary>
    public int Destination(int index, PtxType type) => Destination(Operand(index), type);

    /// <inheritdoc cref="Destination(int, PtxType)"/>
    public int Destination(PtxOperand operand, PtxType type) => operand switch
    {
        PtxName { Name: "_" } => -1,
        PtxName { Name: var name, IsNegated: false } when function.Registers.ContainsKey(name) => Register(name, type),
        _ => throw Error($"{operand} cannot be written"),
    };

    /// <summary>Offset of a predicate that is read, and all ones when it is written with <c>!</c>.</summary>
    public (int Offset, uint Flip) Predicate(PtxOperand operand) => operand is PtxName name
        ? (Register(name.Name, PtxType.Pred), name.IsNegated ? uint.MaxValue : 0)
        : throw Error($"{operand} is not a predicate");

    int Register(string name, PtxType type)
    {
        if (!function.Registers.TryGetValue(name, out PtxType declared))
            throw Error($"register {name} is not declared");
        bool isPredicate = declared == PtxType.Pred;
        if (isPredicate != (type == PtxType.Pred))
            throw Error($"register {name} is declared .{declared.ToString().ToLowerInvariant()}");
        // ld, st and cvt may use registers wider than the type (PTX ISA, "Operand Size Exceeding Instruction-Type Size").
        if (!isPredicate && PtxTypes.SizeOf(declared) < PtxTypes.SizeOf(type))
            throw Error($"register {name} (.{declared.ToString().ToLowerInvariant()}) is too narrow for .{type.ToString().ToLowerInvariant()}");
        if (!registers.TryGetValue(name, out int offset))
            registers[name] = offset = Reserve(isPredicate ? 4 : PtxTypes.SizeOf(declared) == 8 ? 8 * Warp.Lanes : 4 * Warp.Lanes);
        return offset;
    }

    /// <summary>True when a register holds 64-bit lanes.</summary>
    public bool IsWide(PtxOperand operand) =>
        operand is PtxName name && function.Registers.TryGetValue(name.Name, out PtxType declared) && PtxTypes.SizeOf(declared) == 8;

    int Special(string name, PtxType type)
    {
        if (!SpecialRegisters.IsKnown(name))
            throw Error($"special register {name} is not known; known are {SpecialRegisters.Names}");
        if (!specials.TryGetValue(name, out int offset))
            specials[name] = offset = Reserve((SpecialRegisters.IsWide(name) ? 8 : 4) * Warp.Lanes);
        if (PtxTypes.SizeOf(type) == 8 && !SpecialRegisters.IsWide(name))
            throw Error($"special register {name} has 32 bits");
        return offset;
    }

    /// <summary>Offset of a constant that stands in every lane.</summary>
    public int Constant(ulong bits, bool isWide)
    {
        if (constants.TryGetValue((bits, isWide), out int offset))
            return offset;
        byte[] image = new byte[(isWide ? 8 : 4) * Warp.Lanes];
        if (isWide)
            MemoryMarshal.Cast<byte, ulong>(image.AsSpan()).Fill(bits);
        else
            MemoryMarshal.Cast<byte, uint>(image.AsSpan()).Fill((uint)bits);
        constants[(bits, isWide)] = offset = Reserve(image.Length);
        constantImages.Add((offset, image));
        return offset;
    }

    ulong Bits(PtxConstant constant, PtxType type) => (constant.Kind, type) switch
    {
        (PtxConstantKind.Single, PtxType.F32 or PtxType.B32 or PtxType.U32 or PtxType.S32 or PtxType.TF32) => constant.Bits,
        (PtxConstantKind.Single, PtxType.F64) => BitConverter.DoubleToUInt64Bits(BitConverter.UInt32BitsToSingle((uint)constant.Bits)),
        (PtxConstantKind.Double, PtxType.F32) => BitConverter.SingleToUInt32Bits((float)BitConverter.UInt64BitsToDouble(constant.Bits)),
        (PtxConstantKind.Double, PtxType.F64 or PtxType.B64) => constant.Bits,
        (PtxConstantKind.Integer, PtxType.F32 or PtxType.F64) => throw Error("an integer constant stands where a floating-point one must"),
        (PtxConstantKind.Integer, _) => constant.Bits,
        _ => throw Error("the constant does not fit the type"),
    };

    /// <summary>Generic address of a variable, or of a function's constant, that an operand names.</summary>
    ulong SymbolAddress(PtxName name) => throw Error($"{name.Name} is not declared");

    /// <summary>A place in the register file, aligned to 64 bytes so that a vector never straddles a cache line.</summary>
    int Reserve(int bytes)
    {
        int offset = registerBytes;
        registerBytes += (bytes + 63) & ~63;
        return offset;
    }
}

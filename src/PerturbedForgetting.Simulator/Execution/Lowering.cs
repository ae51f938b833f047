using System.Globalization;
using System.Runtime.InteropServices;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>Turns a kernel into decoded instructions; this part is what an instruction family needs: register offsets, constants,
/// places, errors. One object a kernel.</summary>
sealed unsafe partial class Lowering
{
    /// <summary>Largest register file of a warp; 32 warps of a block have one each.</summary>
    const int MaximumRegisterBytes = 32 << 20;

    readonly PtxModule module;
    readonly PtxFunction kernel;
    readonly Symbols symbols;
    readonly Dictionary<string, int> registers = [];
    readonly List<int> registerSizes = [];
    readonly List<RegisterAccess> accesses = [];
    readonly List<(int At, PtxInstruction Source)> texts = [];
    readonly RegisterPlan? plan;
    readonly Dictionary<string, int> specials = [];
    readonly Dictionary<(ulong Bits, bool IsWide), int> constants = [];
    readonly List<(int Offset, byte[] Bytes)> constantImages = [];
    readonly List<int> scratch = [];
    readonly List<Instruction> code = [];
    readonly List<PtxLocation> locations = [];
    ArrivalPlaces? arrivals;
    int granuleShift = 2;
    int registerBytes, scratchPredicate = -1, carryFlag = -1, start;
    Frame frame;

    /// <summary>The instruction that is being lowered.</summary>
    public PtxInstruction Current { get; private set; } = new(null, false, "", [], [], new PtxLocation(0, null));

    /// <summary>An error at the current instruction, in the form <c>module:line: kernel: instruction: message</c>.</summary>
    public PtxException Error(string message) =>
        new(module.Name, Current.Location.Line, $"{frame.Function.Name}: {Current.Mnemonic}: {message}");

    /// <summary>The error for a form that is not executed.</summary>
    public PtxException Unknown() => Error(InstructionSet.TryFind(Current.Opcode, out InstructionFamily family)
        ? $"this form is not known; known are: {family.Forms}"
        : "the software GPU does not know this instruction");

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
            Guard = Current.Guard is null ? -1 : Register(Current.Guard, PtxType.Pred, isWritten: false),
            GuardFlip = Current.IsGuardNegated ? uint.MaxValue : 0,
            Location = locations.Count,
            Class = type,
        });
        locations.Add(Current.Location);
        return ref CollectionsMarshal.AsSpan(code)[^1];
    }

    /// <summary>Where the kernel stores by the order of arrival.</summary>
    public ArrivalPlaces Arrivals => arrivals ??= new ArrivalPlaces(kernel);

    /// <summary>The kernel touches so many bytes of global memory at once.</summary>
    public void Touches(int bytes) => granuleShift = Math.Min(granuleShift, System.Numerics.BitOperations.Log2((uint)bytes));

    /// <summary>Memory for further operands, freed with the program.</summary>
    public int* Operands(int count)
    {
        var block = (int*)NativeMemory.Alloc((nuint)count, sizeof(int));
        operandBlocks.Add((nint)block);
        return block;
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
        PtxName { Name: var name } when IsRegister(name) => Register(name, type, isWritten: false),
        PtxName { Name: var name } when name.StartsWith('%') => Special(name, type),
        PtxName { Name: var name, Offset: var offset } => Constant(SymbolAddress(name) + (ulong)offset, PtxTypes.SizeOf(type) == 8),
        PtxConstant constant => Constant(Bits(constant, type), PtxTypes.SizeOf(type) == 8),
        _ => throw Error($"{Describe(operand)} cannot be read as .{Name(type)}"),
    };

    /// <summary>Offset of an operand that is written as <paramref name="type"/>.</summary>
    public int Destination(int index, PtxType type) => Destination(Operand(index), type);

    /// <summary>Offset of an operand that is written, or -1 for the sink <c>_</c>.</summary>
    public int DestinationOrSink(PtxOperand operand, PtxType type) => operand is PtxName { Name: "_" } ? -1 : Destination(operand, type);

    /// <inheritdoc cref="Destination(int, PtxType)"/>
    public int Destination(PtxOperand operand, PtxType type) => operand switch
    {
        PtxName { Name: var name, IsNegated: false } when IsRegister(name) => Register(name, type, isWritten: true),
        _ => throw Error($"{Describe(operand)} cannot be written"),
    };

    /// <summary>Offset of a predicate that is read, and all ones when it is written with <c>!</c>. A constant stands for all
    /// lanes.</summary>
    public (int Offset, uint Flip) Predicate(PtxOperand operand) => operand switch
    {
        PtxName name => (Register(name.Name, PtxType.Pred, isWritten: false), name.IsNegated ? uint.MaxValue : 0),
        PtxConstant { Kind: PtxConstantKind.Integer, Bits: var bits } => (Constant(bits == 0 ? 0 : uint.MaxValue, false), 0),
        _ => throw Error($"{Describe(operand)} is not a predicate"),
    };

    /// <summary>Type with which a register is declared; <see cref="PtxType.None"/> when the operand is none.</summary>
    public PtxType DeclaredType(PtxOperand operand) =>
        operand is PtxName name && frame.Function.Registers.TryGetValue(name.Name, out PtxType declared) ? declared : PtxType.None;

    bool IsRegister(string name) => frame.Function.Registers.ContainsKey(name);

    int Register(string name, PtxType type, bool isWritten)
    {
        if (!frame.Function.Registers.TryGetValue(name, out PtxType declared))
            throw Error($"register {name} is not declared");
        bool isPredicate = declared == PtxType.Pred;
        if (isPredicate != (type == PtxType.Pred))
            throw Error($"register {name} is declared .{Name(declared)} and used as .{Name(type)}");
        // Narrower types may stand in registers of up to 32 bits; what may be wider still (ld, st, cvt) asks for the declared type.
        if (!isPredicate && PtxTypes.SizeOf(declared) < PtxTypes.SizeOf(type))
            throw Error($"register {name} (.{Name(declared)}) is too narrow for .{Name(type)}");
        if (!isPredicate && PtxTypes.SizeOf(declared) == 8 != (PtxTypes.SizeOf(type) == 8))
            throw Error($"register {name} (.{Name(declared)}) is too wide for .{Name(type)}");
        string key = frame.Prefix + name;
        if (!registers.TryGetValue(key, out int number))
        {
            registers[key] = number = registers.Count;
            registerSizes.Add(Round(isPredicate ? 4 : PtxTypes.SizeOf(declared) == 8 ? 8 * Warp.Lanes : 4 * Warp.Lanes));
        }
        if (plan is not null)
            return plan.Offset(number);
        accesses.Add(new RegisterAccess(start, number, isWritten, Current.Guard is not null));
        return 0;
    }

    int Special(string name, PtxType type)
    {
        if (!SpecialRegisters.IsKnown(name))
            throw Error($"{name} is neither a declared register nor one of the special registers {SpecialRegisters.Names}");
        if (!specials.TryGetValue(name, out int offset))
            specials[name] = offset = Reserve((SpecialRegisters.IsWide(name) ? 8 : 4) * Warp.Lanes);
        if (PtxTypes.SizeOf(type) == 8 != SpecialRegisters.IsWide(name))
            throw Error($"special register {name} has {(SpecialRegisters.IsWide(name) ? 64 : 32)} bits");
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

    /// <summary>A 32-bit register for the steps of one instruction.</summary>
    public int Scratch(int index)
    {
        while (scratch.Count <= index)
            scratch.Add(Reserve(4 * Warp.Lanes));
        return scratch[index];
    }

    /// <summary>A predicate for the steps of one instruction.</summary>
    public int ScratchPredicate() => scratchPredicate < 0 ? scratchPredicate = Reserve(4) : scratchPredicate;

    /// <summary>The lanes' carry flags.</summary>
    public int CarryFlag() => carryFlag < 0 ? carryFlag = Reserve(4) : carryFlag;

    /// <summary>Refuses an instruction that the module's target does not have.</summary>
    /// <param name="capability">Compute capability that has it, times ten.</param>
    public void Require(int capability)
    {
        if (int.TryParse(module.Target.AsSpan(module.Target.IndexOf('_') + 1).TrimEnd('a'), NumberStyles.None, CultureInfo.InvariantCulture,
            out int target) && target < capability)
            throw Error($"needs .target sm_{capability} or higher, the module's is {module.Target}");
    }

    /// <summary>A constant's bits as a value of a type; narrow signed types are sign-extended to 32 bits, unsigned ones cut.</summary>
    public ulong Bits(PtxConstant constant, PtxType type) => (constant.Kind, type) switch
    {
        (PtxConstantKind.Single, PtxType.F32 or PtxType.B32 or PtxType.U32 or PtxType.S32 or PtxType.TF32) => constant.Bits,
        (PtxConstantKind.Single, PtxType.F64) => BitConverter.DoubleToUInt64Bits(BitConverter.UInt32BitsToSingle((uint)constant.Bits)),
        (PtxConstantKind.Double, PtxType.F32) => BitConverter.SingleToUInt32Bits((float)BitConverter.UInt64BitsToDouble(constant.Bits)),
        (PtxConstantKind.Double, PtxType.F64 or PtxType.B64) => constant.Bits,
        (PtxConstantKind.Integer, PtxType.F32 or PtxType.F64) => throw Error("an integer constant stands where a floating-point one must"),
        (PtxConstantKind.Integer, PtxType.U8 or PtxType.B8) => (byte)constant.Bits,
        (PtxConstantKind.Integer, PtxType.S8) => (uint)(sbyte)constant.Bits,
        (PtxConstantKind.Integer, PtxType.U16 or PtxType.B16 or PtxType.F16 or PtxType.BF16) => (ushort)constant.Bits,
        (PtxConstantKind.Integer, PtxType.S16) => (uint)(short)constant.Bits,
        (PtxConstantKind.Integer, _) => constant.Bits,
        _ => throw Error("the constant does not fit the type"),
    };

    /// <summary>The variable that a name stands for.</summary>
    public Symbol FindSymbol(string name) =>
        frame.Variables.TryGetValue(name, out Symbol symbol) || symbols.TryFindInModule(name, out symbol) ? symbol
            : throw Error($"{name} is not declared");

    ulong SymbolAddress(string name) => FindSymbol(name).Address;

    /// <summary>An address operand: the register that is added to (-1 for none), the constant part, and the variable's space when the base
    /// is one.</summary>
    public (int Base, bool IsWide, long Offset, StateSpace? Space) Address(PtxOperand operand)
    {
        if (operand is not PtxAddress address)
            throw Error($"{Describe(operand)} is not an address");
        if (address.Base is null)
            return (-1, false, address.Offset, null);
        if (frame.Function.Registers.TryGetValue(address.Base, out PtxType declared))
            return (Register(address.Base, declared, isWritten: false), PtxTypes.SizeOf(declared) == 8, address.Offset, null);
        Symbol symbol = FindSymbol(address.Base);
        return (-1, false, (long)symbol.Address + address.Offset, symbol.Space);
    }

    /// <summary>A place in the register file, aligned to 64 bytes so that a vector never straddles a cache line.</summary>
    int Reserve(int bytes)
    {
        int offset = registerBytes;
        registerBytes += Round(bytes);
        return registerBytes <= MaximumRegisterBytes ? offset : throw Error("the kernel has too many registers and constants");
    }

    static int Round(int bytes) => (bytes + 63) & ~63;

    static string Name(PtxType type) => type.ToString().ToLowerInvariant();

    static string Describe(PtxOperand operand) => operand switch
    {
        PtxName name => name.Name,
        PtxAddress address => $"[{address.Base}+{address.Offset}]",
        PtxVector => "a vector",
        PtxConstant => "a constant",
        _ => "this operand",
    };
}

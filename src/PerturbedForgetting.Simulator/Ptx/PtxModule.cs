namespace PerturbedForgetting.Simulator.Ptx;

/// <summary>The state space of a variable or an access (PTX ISA, "State Spaces").</summary>
public enum StateSpace
{
    /// <summary>A generic address: the space is found from the address.</summary>
    Generic,
    Global,
    Const,
    Shared,
    Local,
    Param,
}

/// <summary>A place in the PTX text, and in the CUDA source where <c>.loc</c> tells it.</summary>
/// <param name="Line">Line of the PTX text, from 1.</param>
/// <param name="Source"><c>file.cu:12</c>, or null where the PTX carries no line information.</param>
public sealed record PtxLocation(int Line, string? Source);

/// <summary>A parsed PTX module: names are resolved and types checked only when a function is compiled.</summary>
public sealed record PtxModule(string Name, string Version, string Target, int AddressSize,
    IReadOnlyList<PtxVariable> Variables, IReadOnlyList<PtxFunction> Functions);

/// <summary>A variable in a state space: of a module, or local to a function.</summary>
/// <param name="Space">Where it lives.</param>
/// <param name="ElementType">Type of one element.</param>
/// <param name="Name">Its name.</param>
/// <param name="Alignment">Alignment in bytes; at least the element's size.</param>
/// <param name="Size">Size in bytes; 0 for <c>.extern .shared x[]</c>, whose size is the launch's.</param>
/// <param name="Initial">Initial bytes; empty when there are none (zero for global and const).</param>
/// <param name="IsExternal">Declared <c>.extern</c>.</param>
/// <param name="Location">Where it is declared.</param>
public sealed record PtxVariable(StateSpace Space, PtxType ElementType, string Name, int Alignment, long Size,
    byte[] Initial, bool IsExternal, PtxLocation Location);

/// <summary>A kernel (<c>.entry</c>) or device function (<c>.func</c>).</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsEntry">True for a kernel.</param>
/// <param name="IsExternal">Declared without a body (<c>.extern .func</c>, or a forward declaration).</param>
/// <param name="Parameters">Parameters in order, in <see cref="StateSpace.Param"/>.</param>
/// <param name="Results">Return parameters of a device function.</param>
/// <param name="MaximumThreads"><c>.maxntid</c> as a product; 0 when absent.</param>
/// <param name="RequiredThreads"><c>.reqntid</c> (x, y, z); null when absent.</param>
/// <param name="Registers">Declared registers by name, with their types (nested scopes are renamed apart).</param>
/// <param name="Variables">Variables declared in the body.</param>
/// <param name="Statements">Instructions and labels in order.</param>
/// <param name="Location">Where it begins.</param>
public sealed record PtxFunction(string Name, bool IsEntry, bool IsExternal,
    IReadOnlyList<PtxVariable> Parameters, IReadOnlyList<PtxVariable> Results,
    int MaximumThreads, (int X, int Y, int Z)? RequiredThreads,
    IReadOnlyDictionary<string, PtxType> Registers, IReadOnlyList<PtxVariable> Variables,
    IReadOnlyList<PtxStatement> Statements, PtxLocation Location)
{
    /// <summary><c>.minnctapersm</c>: blocks of a multiprocessor for which registers must suffice; 0 when absent.</summary>
    public int MinimumBlocks { get; init; }

    /// <summary><c>.maxnreg</c>: the most registers of a thread; 0 when absent.</summary>
    public int MaximumRegisters { get; init; }
}

/// <summary>A statement of a function's body.</summary>
public abstract record PtxStatement(PtxLocation Location);

/// <summary>A label: the place of the statement that follows.</summary>
public sealed record PtxLabel(string Name, PtxLocation Location) : PtxStatement(Location);

/// <summary><c>name: .branchtargets a, b;</c> of an indirect branch.</summary>
public sealed record PtxBranchTargets(string Name, IReadOnlyList<string> Labels, PtxLocation Location) : PtxStatement(Location);

/// <summary>An instruction: <c>@!%p1 ld.global.v2.f32 {%f1, %f2}, [%rd1+8];</c></summary>
/// <param name="Guard">Name of the guarding predicate, or null.</param>
/// <param name="IsGuardNegated">Written <c>@!</c>.</param>
/// <param name="Opcode">First word of the mnemonic (<c>ld</c>).</param>
/// <param name="Modifiers">The other words (<c>global</c>, <c>v2</c>, <c>f32</c>); a modifier such as <c>L2::128B</c> is one word.</param>
/// <param name="Operands">Operands as written.</param>
/// <param name="Location">Where it is.</param>
public sealed record PtxInstruction(string? Guard, bool IsGuardNegated, string Opcode, IReadOnlyList<string> Modifiers,
    IReadOnlyList<PtxOperand> Operands, PtxLocation Location) : PtxStatement(Location)
{
    /// <summary>The whole mnemonic.</summary>
    public string Mnemonic => Modifiers.Count == 0 ? Opcode : Opcode + "." + string.Join('.', Modifiers);
}

/// <summary>An operand as written.</summary>
public abstract record PtxOperand;

/// <summary>A name: a register, a special register (<c>%tid.x</c>), a label, a variable or a function.</summary>
/// <param name="Name">The name.</param>
/// <param name="IsNegated">Written with <c>!</c> (a predicate).</param>
/// <param name="Offset">Constant added to a variable's address (<c>table+8</c>).</param>
public sealed record PtxName(string Name, bool IsNegated = false, long Offset = 0) : PtxOperand;

/// <summary>A constant. Integers are two's complement in 64 bits; floating-point constants are the bits of a float64,
/// or of a float32 when written <c>0f</c>.</summary>
public sealed record PtxConstant(ulong Bits, PtxConstantKind Kind) : PtxOperand;

/// <summary>How a constant was written.</summary>
public enum PtxConstantKind
{
    Integer,
    /// <summary><c>0fXXXXXXXX</c></summary>
    Single,
    /// <summary><c>0dXXXXXXXXXXXXXXXX</c>, or decimal with a point.</summary>
    Double,
}

/// <summary><c>[base+offset]</c>; the base is a register or a variable, or null for an absolute address.</summary>
public sealed record PtxAddress(string? Base, long Offset) : PtxOperand;

/// <summary><c>{a, b, c, d}</c>; an element <c>_</c> is a name.</summary>
public sealed record PtxVector(IReadOnlyList<PtxOperand> Elements) : PtxOperand;

/// <summary><c>p|q</c> of <c>setp</c> and <c>shfl.sync</c>.</summary>
public sealed record PtxPair(PtxOperand First, PtxOperand Second) : PtxOperand;

/// <summary><c>(a, b)</c> of <c>call</c>.</summary>
public sealed record PtxList(IReadOnlyList<PtxOperand> Elements) : PtxOperand;

/// <summary>PTX that cannot be read, or that the software GPU does not know.</summary>
public sealed class PtxException(string module, int line, string message)
    : Exception($"{module}:{line}: {message}")
{
    /// <summary>Line of the PTX text, from 1.</summary>
    public int Line { get; } = line;
}

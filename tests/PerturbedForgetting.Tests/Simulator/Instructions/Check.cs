namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Compares an instruction with a C# statement of its definition: over all pairs of special values and many random ones, bare,
/// under a guard (the other lanes keep their values), and with the destination among the sources.</summary>
static class Check
{
    const int Rows = InstructionRun.BlockThreads * 20;

    public static void One<TD, TA>(string instruction, Func<TA, TD> expected) where TD : unmanaged where TA : unmanaged =>
        All<TD>(instruction, [Column<TA>()], s => expected(Operands.From<TA>(s[0])));

    public static void Two<TD, TA, TB>(string instruction, Func<TA, TB, TD> expected) where TD : unmanaged where TA : unmanaged
        where TB : unmanaged =>
        All<TD>(instruction, [Column<TA>(), Column<TB>()], s => expected(Operands.From<TA>(s[0]), Operands.From<TB>(s[1])));

    public static void Three<TD, TA, TB, TC>(string instruction, Func<TA, TB, TC, TD> expected)
        where TD : unmanaged where TA : unmanaged where TB : unmanaged where TC : unmanaged =>
        All<TD>(instruction, [Column<TA>(), Column<TB>(), Column<TC>()],
            s => expected(Operands.From<TA>(s[0]), Operands.From<TB>(s[1]), Operands.From<TC>(s[2])));

    public static void Four<TD, TA, TB, TC, TE>(string instruction, Func<TA, TB, TC, TE, TD> expected)
        where TD : unmanaged where TA : unmanaged where TB : unmanaged where TC : unmanaged where TE : unmanaged =>
        All<TD>(instruction, [Column<TA>(), Column<TB>(), Column<TC>(), Column<TE>()],
            s => expected(Operands.From<TA>(s[0]), Operands.From<TB>(s[1]), Operands.From<TC>(s[2]), Operands.From<TE>(s[3])));

    /// <summary>How one operand is held, which values are tried and how it is drawn.</summary>
    sealed record Source(string Register, ulong[] Specials, Func<Random, ulong> Draw);

    static Source Column<T>() where T : unmanaged => new(Operands.Register<T>(), Operands.Specials<T>(), Operands.Draw<T>);

    static void All<TD>(string instruction, Source[] sources, Func<ulong[], TD> expected) where TD : unmanaged
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        string register = Operands.Register<TD>();
        // The operands are written out where an instruction has constants among them.
        string text = instruction.Contains('%')
            ? instruction
            : $"{instruction} %d, {string.Join(", ", sources.Select((_, k) => $"%s{k}"))}";
        string[] steps = text.Split("; ");
        bool canAlias = sources[0].Register == register && steps.Length == 1;
        string body = $"""
            {text.Replace("%d", "%d0")};
            setp.ne.u32 %guard, %s{sources.Length}, 0;
            {string.Concat(steps.Select(step => $"@%guard {step.Replace("%d", "%d1")}; "))}
            {(canAlias ? $"mov.{register} %d2, %s0; @!%guard {text.Replace("%s0", "%d2").Replace("%d,", "%d2,")};" : "")}
            """;
        var rows = new ulong[Rows][];
        for (int i = 0; i < Rows; i++)
        {
            ulong[] drawn = [.. sources.Select(s => s.Draw(random))];
            int first = i % sources[0].Specials.Length, second = i / sources[0].Specials.Length;
            if (sources.Length > 1 && second < sources[1].Specials.Length)
                (drawn[0], drawn[1]) = (sources[0].Specials[first], sources[1].Specials[second]);
            else if (second == 0)
                drawn[0] = sources[0].Specials[first];
            rows[i] = [.. drawn, (ulong)random.Next(2), 0, Operands.Draw<TD>(random), 0];
        }
        ulong[][] actual = InstructionRun.Execute(body, [register, register, register], [.. sources.Select(s => s.Register), "b32"], rows);
        for (int i = 0; i < Rows; i++)
        {
            bool isGuarded = rows[i][sources.Length] != 0;
            ulong result = Operands.Bits(expected(rows[i]));
            Same<TD>(result, actual[i][0], "");
            Same<TD>(isGuarded ? result : rows[i][sources.Length + 2], actual[i][1], isGuarded ? " under a guard"
                : " in a lane that the guard holds back");
            if (canAlias)
                Same<TD>(isGuarded ? rows[i][0] : result, actual[i][2], isGuarded ? " in a lane that the guard holds back"
                    : " with the destination among the sources");

            void Same<T>(ulong wanted, ulong got, string where) where T : unmanaged
            {
                if (!Operands.AreSame<T>(wanted, got))
                    Assert.Fail($"{text}{where}: sources {string.Join(", ", rows[i].Take(sources.Length).Select(s => $"0x{s:x}"))}: "
                        + $"0x{got:x} ({Operands.From<T>(got)}) instead of 0x{wanted:x} ({Operands.From<T>(wanted)}); row {i}, seed "
                        + $"{seed}");
            }
        }
    }
}

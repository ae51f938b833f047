namespace PerturbedForgetting.Tests.Simulator.Instructions;

/// <summary>Generic addresses: to and from the windows of shared and local memory.</summary>
public class AddressTests
{
    [TestCase("shared", ".shared .align 8 .b8 place[576]; .reg .b64 %a, %g; mov.u64 %a, place;")]
    [TestCase("local", ".local .align 8 .b8 place[576]; .reg .b64 %a, %g; mov.u64 %a, place;")]
    [TestCase("global", ".reg .b64 %a, %g; add.s64 %a, %in, 0; sub.s64 %a, %a, %at;")]
    public void AddressesKeepTheirSpace(string space, string place)
    {
        ulong[][] rows = [.. Enumerable.Range(0, InstructionRun.BlockThreads).Select(i => (ulong[])[(ulong)i, 0, 0, 0, 0, 0])];
        // Every lane writes a word of its own through one kind of address and reads it through the other.
        string access = space == "global" ? "mov.u32 %d4, %s0;" : $"""
            mul.wide.u32 %at, %s0, 8;
            add.s64 %a, %a, %at;
            add.s64 %g, %g, %at;
            st.{space}.u32 [%a], %s0;
            ld.u32 %d4, [%g];
            st.u32 [%g+4], %d4;
            ld.{space}.u32 %d4, [%a+4];
            """;
        ulong[][] actual = InstructionRun.Execute($"""
            {place}
            cvta.{space}.u64 %g, %a;
            cvta.to.{space}.u64 %d0, %g;
            sub.s64 %d0, %d0, %a;
            isspacep.shared %d1, %g;
            isspacep.local %d2, %g;
            isspacep.global %d3, %g;
            {access}
            """, ["b64", "pred", "pred", "pred", "b32"], ["b32"], rows);
        for (int i = 0; i < rows.Length; i++)
            Assert.That(actual[i], Is.EqualTo((ulong[])[0, space == "shared" ? 1u : 0, space == "local" ? 1u : 0, space == "global" ? 1u
                : 0, (ulong)i]), $"thread {i}");
    }
}

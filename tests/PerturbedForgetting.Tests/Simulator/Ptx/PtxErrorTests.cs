using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Tests.Simulator.Ptx;

/// <summary>What cannot be read or executed is refused when the module is loaded, by its line and its name.</summary>
public class PtxErrorTests
{
    static string Load(string text)
    {
        PtxException error = Assert.Throws<PtxException>(() => new Device(text).Dispose())!;
        Assert.That(error.Message, Does.StartWith($"test:{error.Line}: "));
        return $"{error.Line}: {error.Message}";
    }

    /// <summary>A kernel's body from line 6 on.</summary>
    static string Body(string body) =>
        Load($"{PtxParserTests.Head}.visible .entry k(.param .u64 out)\n{{\n.reg .b32 %r<9>; .reg .b64 %rd<9>; .reg .f32 %f<9>; .reg .pred "
            + $"%p<9>;\n{body}\nret;\n}}\n");

    [TestCase("", "1:", ".version", TestName = "Empty text")]
    [TestCase("hello", "1:", "'hello'", ".version", TestName = "No PTX")]
    [TestCase(".version 99.0\n.target sm_80\n.address_size 64\n", "1:", "99.0", "8.7", TestName = "Newer version")]
    [TestCase(".version seven", "1:", "number", TestName = "Version that is no number")]
    [TestCase(".version 7.8\n.target gfx90\n.address_size 64\n", "2:", "gfx90", "sm_80", TestName = "Foreign target")]
    [TestCase(".version 7.8\n.target sm_80\n.address_size 32\n", "3:", "32 bits", TestName = "32-bit addresses")]
    [TestCase(".version 7.8\n.target sm_80\n.address_size 64\n/* never closed", "4:", "comment", TestName = "Open comment")]
    [TestCase(".version 7.8\n.target sm_80\n.address_size 64\n.file 1 \"abc", "4:", "string", TestName = "Open string")]
    [TestCase(".version 7.8\n.target sm_80\n.address_size 64\n.entry k() {\nret;", "5:", "k", "not closed", TestName = "Open body")]
    [TestCase(".version 7.8\n.target sm_80\n.address_size 64\n.entry k(.param .u64 a { ret; }", "4:", "'{'",
        TestName = "Open parameter list")]
    [TestCase(".version 7.8\n.target sm_80\n.address_size 64\n.texref t;", "4:", "texref", TestName = "Unknown directive")]
    [TestCase(".version 7.8\n.target sm_80\n.address_size 64\n.global .b8 x[2] = {1,2,3};", "4:", "x has 2 elements and 3 values",
        TestName = "Too many values")]
    [TestCase(".version 7.8\n.target sm_80\n.address_size 64\n.global .b32 x;\n.global .b32 x;", "5:", "x is defined twice",
        TestName = "Variable twice")]
    [TestCase(".version 7.8\n.target sm_80\n.address_size 64\n.entry k() { ret; }\n.entry k() { ret; }", "5:", "k is defined twice",
        TestName = "Kernel twice")]
    [TestCase(".version 7.8\n.target sm_80\n.address_size 64\n.extern .global .b32 x;", "4:", "x is external",
        TestName = "External variable")]
    [TestCase(".version 7.8\n.target sm_80\n.address_size 64\n.entry k() {\n.reg .b32 %r<4>, %r<2>;\nret;}", "5:", "%r0 is declared twice",
        TestName = "Register twice")]
    public void Malformed(string text, params string[] parts)
    {
        string message = Load(text);
        Assert.That(message, Does.StartWith(parts[0]));
        foreach (string part in parts)
            Assert.That(message, Does.Contain(part));
    }

    [TestCase("frobnicate.f32 %f1, %f2;", "frobnicate.f32", "does not know this instruction")]
    [TestCase("tex.2d.v4.f32.f32 {%f1,%f2,%f3,%f4}, [t, {%f1,%f2}];", "',' stands where ']' must")]
    [TestCase("add.frob.f32 %f1, %f2, %f3;", "add.frob.f32", "known are")]
    [TestCase("add.f32 %f1, %f2;", "operand 3 is missing")]
    [TestCase("add.f32 %f1, %f2, %f77;", "%f77 is neither a declared register")]
    [TestCase("add.f32 %f1, %f2, %rd1;", "%rd1", "wide")]
    [TestCase("add.u64 %rd1, %rd2, %r1;", "%r1", "narrow")]
    [TestCase("add.u32 %r1, %r2, %p1;", "%p1", "pred")]
    [TestCase("add.u32 5, %r2, %r1;", "cannot be written")]
    [TestCase("add.u32 %tid.x, %r2, %r1;", "cannot be written")]
    [TestCase("@%r1 bra L; L:", "%r1")]
    [TestCase("@%p77 ret;", "%p77")]
    [TestCase("mov.u32 %r1, %clusterid.x;", "%clusterid.x", "%tid.x")]
    [TestCase("mov.u64 %rd1, nowhere;", "nowhere is not declared")]
    [TestCase("ld.param.u64 %rd1, [missing];", "missing is not declared")]
    [TestCase("ld.global.u64 %rd1, [out];", "the variable is in .param")]
    [TestCase("st.param.u64 [out], %rd1;", ".param cannot be written")]
    [TestCase("bra NOWHERE;", "label NOWHERE does not exist")]
    [TestCase("bra %r1;", "label %r1 does not exist")]
    [TestCase("L: L: ret;", "label L stands twice")]
    [TestCase("brx.idx %r1, L; L:", "L is no .branchtargets")]
    [TestCase("call.uni vprintf, (%r1);", "vprintf")]
    [TestCase("call.uni %rd1, ();", "named functions")]
    [TestCase("call.uni k, ();", "k has no body")]
    [TestCase("bar.sync;", "operand 1 is missing")]
    [TestCase("bar.frob 0;", "known are")]
    [TestCase("mov.u32 %r1, 0f3F800000000;", "no constant")]
    [TestCase("mov.u32 %r1 %r2;", "'%r2' stands where ';' must")]
    [TestCase("add.u32 %r1, ;", "';' stands where an operand must")]
    [TestCase(".frobnicate;", "frobnicate")]
    [TestCase(".reg .frob %x;", "no such type")]
    [TestCase(".shared .b8 s[49153];", "49153 bytes", "of 49152 bytes of shared memory")]
    [TestCase(".local .b8 l[524289];", "524289 bytes", "local memory")]
    public void Refused(string instruction, params string[] parts)
    {
        string message = Body(instruction);
        Assert.That(message, Does.StartWith("7: "));
        Assert.That(message, Does.StartWith("7: test:7: k: ").Or.Contain(" s has ").Or.Contain(" l has "));
        foreach (string part in parts)
            Assert.That(message, Does.Contain(part));
    }

    [Test]
    public void Recursion() => Assert.That(
        Load(PtxParserTests.Head + ".func f() {\ncall f;\n}\n.entry k() {\ncall f;\n}"), Does.StartWith("5: ").And.Contain("calls itself"));

    [Test]
    public void CallsThatDoubleAtEveryLevel()
    {
        string functions = string.Concat(Enumerable.Range(1, 30).Select(i => $".func f{i}() {{ call f{i - 1}; call f{i - 1}; }}\n"));
        Assert.That(Load($"{PtxParserTests.Head}.func f0() {{ }}\n{functions}.entry k() {{ call f30; }}"), Does.Contain("calls"));
    }
}

namespace PerturbedForgetting.Vision.Imaging.Jpeg;

/// <summary>A Huffman code in 32 bits: from the top its length, its symbol (a run of zeros, and the size of the number that
/// follows).</summary>
static class HuffmanCode
{
    /// <summary>What bits that match no code are taken for: so many as to know that, and the symbol 0.</summary>
    public const uint None = 17 << 24;

    public static uint Pack(int length, byte symbol) => (uint)(length << 24 | symbol << 16);

    /// <summary>Bits of the code.</summary>
    public static int Length(uint code) => (int)(code >> 24);

    public static int Symbol(uint code) => (int)(code >> 16) & 255;

    public static int Run(uint code) => (int)(code >> 20) & 15;

    public static int Size(uint code) => (int)(code >> 16) & 15;

    /// <summary>Bits of code and number.</summary>
    public static int Bits(uint code) => Length(code) + Size(code);

    /// <summary>Whether it ends a block of a sequential scan: no number follows, and it is not that of sixteen zeros.</summary>
    public static bool IsEnd(uint code) => Size(code) == 0 && Run(code) != 15;
}

using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>The patterns of the ten backgrounds.</summary>
enum Texture
{
    Rows,
    Columns,
    Falling,
    Rising,
    Checks,
    Dots,
    Rings,
    Waves,
    Lattice,
    Blots,
}

/// <summary>
/// A background: two shades of a random hue in the texture's pattern, at random frequency, phase and brightness. The pattern alone
/// tells which background it is, so that it takes about as much learning as a shape: a colour of its own would be learnt at once,
/// and nothing else after it.
/// </summary>
readonly struct TexturedBackground
{
    readonly Texture texture;
    readonly float frequency, phaseX, phaseY;
    readonly (float Red, float Green, float Blue) dark, light;

    public TexturedBackground(Texture texture, int size, ref RandomSequence random)
    {
        this.texture = texture;
        frequency = (float)(2 * Math.PI * (3 + 2 * random.NextDouble()) / size);
        (phaseX, phaseY) = ((float)(6.3 * random.NextDouble()), (float)(6.3 * random.NextDouble()));
        float hue = (float)random.NextDouble() + 1;
        float value = 0.4f + 0.12f * (float)random.NextDouble();
        dark = HueColor.FromHsv(hue, 0.6f, value);
        light = HueColor.FromHsv(hue, 0.45f, value + 0.22f);
    }

    /// <summary>The colour of a pixel, channels 0 to 1.</summary>
    public (float Red, float Green, float Blue) Color(int x, int y)
    {
        float t = 0.5f + 0.5f * Pattern(x * frequency + phaseX, y * frequency + phaseY);
        return (dark.Red + (light.Red - dark.Red) * t, dark.Green + (light.Green - dark.Green) * t,
            dark.Blue + (light.Blue - dark.Blue) * t);
    }

    float Pattern(float x, float y) => texture switch
    {
        Texture.Rows => MathF.Sin(y),
        Texture.Columns => MathF.Sin(x),
        Texture.Falling => MathF.Sin(0.7f * (x - y)),
        Texture.Rising => MathF.Sin(0.7f * (x + y)),
        Texture.Checks => MathF.Sin(x) * MathF.Sin(y) > 0 ? 1 : -1,
        Texture.Dots => MathF.Cos(x) + MathF.Cos(y) > 0.9f ? 1 : -1,
        Texture.Rings => MathF.Sin(1.3f * MathF.Sqrt((x - 12) * (x - 12) + (y - 12) * (y - 12))),
        Texture.Waves => MathF.Sin(y + 1.6f * MathF.Sin(0.6f * x)),
        Texture.Lattice => Math.Max(MathF.Cos(x), MathF.Cos(y)),
        _ => MathF.Sin(0.5f * x + 1.3f * MathF.Sin(0.4f * y)) * MathF.Sin(0.6f * y + MathF.Sin(0.7f * x)),
    };
}

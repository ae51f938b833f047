using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>The ten classes.</summary>
enum Shape
{
    Arrow,
    Bar,
    Circle,
    Crescent,
    Cross,
    Heart,
    Ring,
    Square,
    Star,
    Triangle,
}

/// <summary>A shape at a random place, size and angle. Outlines are distance functions, negative inside, so that an edge
/// pixel's coverage follows from its distance.</summary>
readonly struct PlacedShape
{
    readonly Shape shape;
    readonly float centerX, centerY, cos, sin, radius;

    public PlacedShape(Shape shape, int size, ref RandomSequence random)
    {
        this.shape = shape;
        radius = size * (0.24f + 0.16f * (float)random.NextDouble());
        float free = size - 2 * radius;
        centerX = radius + free * (float)random.NextDouble();
        centerY = radius + free * (float)random.NextDouble();
        (double s, double c) = Math.SinCos((random.NextDouble() - 0.5) * Math.PI / 3);
        (sin, cos) = ((float)s, (float)c);
    }

    /// <summary>Share of a pixel that the shape covers.</summary>
    public float Coverage(int pixelX, int pixelY)
    {
        float dx = (pixelX + 0.5f - centerX) / radius, dy = (pixelY + 0.5f - centerY) / radius;
        if (dx * dx + dy * dy > 1.5f)
            return 0;
        return Math.Clamp(0.5f - Distance(cos * dx + sin * dy, cos * dy - sin * dx) * radius, 0, 1);
    }

    float Distance(float x, float y) => shape switch
    {
        Shape.Arrow => Math.Min(Box(x + 0.4f, y, 0.55f, 0.2f), Math.Max(0.05f - x, 0.585f * (x - 0.95f) + 0.811f * Math.Abs(y))),
        Shape.Bar => Box(x, y, 0.95f, 0.22f),
        Shape.Circle => Length(x, y) - 0.85f,
        Shape.Crescent => Math.Max(Length(x, y) - 0.9f, 0.72f - Length(x - 0.42f, y)),
        Shape.Cross => Math.Min(Box(x, y, 0.9f, 0.26f), Box(x, y, 0.26f, 0.9f)),
        Shape.Heart => Heart(0.7071f * (x - y), 0.7071f * (-x - y)),
        Shape.Ring => Math.Abs(Length(x, y) - 0.68f) - 0.2f,
        Shape.Square => Box(x, y, 0.72f, 0.72f),
        Shape.Star => Star(x, y),
        _ => Math.Max(y - 0.5f, 0.866f * Math.Abs(x) - 0.5f * y - 0.5f),
    };

    static float Length(float x, float y) => MathF.Sqrt(x * x + y * y);

    static float Box(float x, float y, float halfWidth, float halfHeight) => Math.Max(Math.Abs(x) - halfWidth, Math.Abs(y) - halfHeight);

    /// <summary>A square on its corner, and a half circle on each of its upper sides.</summary>
    static float Heart(float u, float v)
    {
        const float half = 0.45f;
        (u, v) = (u + 0.15f, v + 0.15f);
        return Math.Min(Box(u, v, half, half), Math.Min(Length(u - half, v) - half, Length(u, v - half) - half));
    }

    /// <summary>Five points at radius 1, five corners at 0.42: folded to one half of one point.</summary>
    static float Star(float x, float y)
    {
        const float sector = 2 * MathF.PI / 5;
        float angle = MathF.Atan2(x, -y) / sector;
        angle = MathF.Abs(angle - MathF.Round(angle)) * sector;
        float length = Length(x, y);
        (float sin, float cos) = MathF.SinCos(angle);
        return 0.3500f * (length * cos - 1) + 0.9368f * length * sin;
    }
}

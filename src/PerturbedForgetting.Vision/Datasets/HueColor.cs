namespace PerturbedForgetting.Vision.Datasets;

static class HueColor
{
    /// <summary>Hue, saturation and value, each 0 to 1, to red, green and blue, each 0 to 1.</summary>
    public static (float Red, float Green, float Blue) FromHsv(float hue, float saturation, float value)
    {
        return (Channel(5), Channel(3), Channel(1));

        float Channel(float shift)
        {
            float k = (shift + hue * 6) % 6;
            return value - value * saturation * Math.Clamp(Math.Min(k, 4 - k), 0, 1);
        }
    }
}

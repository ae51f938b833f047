namespace PerturbedForgetting.Tensors.Catalogue;

static partial class OperationCatalogue
{
    static IEnumerable<Operation> Windows()
    {
        for (int kernel = 1; kernel <= 3; kernel++)
        {
            for (int stride = 1; stride <= 3; stride++)
            {
                for (int padding = 0; padding <= kernel / 2; padding++)
                {
                    (Size2d size, Size2d step, Size2d pad) = ((kernel, 2), stride, (padding, 1));
                    foreach (bool ceil in new[] { false, true })
                    {
                        string words = $"of {kernel} x 2 by {stride}, padding {padding}{(ceil ? ", rounded up" : "")}";
                        yield return Pool($"MaxPool2d {words}", x => Ops.MaxPool2d(x[0], size, step, pad, ceil));
                        yield return Pool($"AvgPool2d {words}", x => Ops.AvgPool2d(x[0], size, step, pad, ceil));
                        yield return Pool($"AvgPool2d {words}, of the image alone", x => Ops.AvgPool2d(x[0], size, step, pad, ceil, false));
                    }
                }
            }
        }
        yield return Pool("MaxPool2d of 3 x 3 by 2", x => Ops.MaxPool2d(x[0], 3, 2, 1)) with
        {
            Edges = images,
            Shared = [[3, 21, 17, 70]],
            Workloads =
            [
                new("nn", Images, new("max_pool", 4, 2) { Again = 1 }, Back("max_pool_backward", 2, 4) with { Again = 3 }) { Words = By2 },
            ],
        };
        yield return Pool("AvgPool2d of 3 x 3 by 2", x => Ops.AvgPool2d(x[0], 3, 2, 1)) with
        {
            Edges = images,
            Shared = [[3, 21, 17, 70]],
            Workloads =
            [
                new("nn", Images, new("avg_pool", 4, 1) { Again = 1.1 },
                    Back("avg_pool_backward", 1, 4) with { Again = 1.7 }) { Words = By2 },
            ],
        };
        yield return Pool("GlobalAvgPool2d", x => Ops.GlobalAvgPool2d(x[0])) with
        {
            Small = [[[3, 2, 5, 11]]],
            Edges = [[[2, 1, 1, 1]], [[2, 7, 7, 33]], [[2, 4, 4, 512]]],
            Shared = [[30, 21, 17, 70]],
            Backward = [Within(0, 0)],
            Workloads = [new("nn", Images, new KernelLaunch("avg_pool_global", 4, 4.0 / 32 / 32))],
        };
    }

    static readonly Shape[][] images = [[[2, 7, 5, 3]], [[2, 8, 9, 33]], [[2, 6, 6, 4]], [[2, 16, 16, 64]]];

    static string By2(Shape[] shapes) => $"{shapes[0]}, 3 x 3 by 2";

    static Operation Pool(string name, Func<Tensor[], Tensor> run) => new(name, run, [[2, 4, 5, 9]])
    {
        Leading = 1,
        Channels = true,
        Forward = name[0] == 'M' ? Within(0, 0) : Within(1e-6, 1e-6),
        Backward = [Within(1e-6, 1e-6)],
    };
}

// Tests that wait for processes of their own run beside each other: a third makes use of what two leave of two processors.
[assembly: LevelOfParallelism(3)]

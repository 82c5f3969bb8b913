"""The resident vLLM: one process that all of a user's clients share.

engine         computing tasks on it, waking and restarting it
lifecycle      starting, stopping and describing it
watchdog       the process that starts vLLM and ends it when nobody uses it
launch         whether and how vLLM can be launched on this machine
memory_plan    the GPU memory it will take, and takes
hardware       the GPUs and the processor
state_files    the files through which watchdog and clients communicate
probe          asking a running vLLM whether it is busy or asleep
startup_log    reading vLLM's log
processes      recognising and ending processes
plugin/        what is loaded inside vLLM
"""

"""The settings of nbgrader for this course; read by grade.py and by `nbgrader` itself."""

c = get_config()  # noqa: F821 - defined where nbgrader executes this file

c.CourseDirectory.course_id = "training-tricks"

# A cell that takes longer is interrupted. The slowest of the assignments takes a few seconds.
c.Execute.timeout = 60
c.Execute.interrupt_on_timeout = True

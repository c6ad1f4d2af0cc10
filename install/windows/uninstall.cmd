@echo off
rem Removes the agent, as an administrator. Settings and files that others have changed stay.
setlocal
set "TARGET=%ProgramFiles%\KVMManager"
call "%TARGET%\kvmmanager-agent.cmd" service uninstall --remove-data
if not %errorlevel%==0 exit /b 1
for %%F in (deno.exe agent-windows.js kvmmanager-agent.cmd copyright.txt) do del /q "%TARGET%\%%F"
rem The last line removes this file, so nothing may follow it.
(del /q "%TARGET%\uninstall.cmd" & rmdir "%TARGET%")
